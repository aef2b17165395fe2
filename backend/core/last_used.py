"""When keys were last used, to the minute: for administrators who tidy up."""

import math
import time
from collections.abc import Callable

from backend.core.db import ConnectionLostError, Database
from backend.core.errors import DatabaseUnavailableError

# One UPDATE per key, process and minute costs nothing; one per request would be the
# same row's lock for all callers of a busy key.
_PERIOD_SECONDS = 60.0


class LastUsed:
    """Writes down that a key was used, seldom."""

    def __init__(
        self, database: Database, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Keep the database."""
        self._database = database
        self._clock = clock
        self._noted_at: dict[int, float] = {}
        self._statement = (
            f"UPDATE api_keys SET last_used_at={database.dialect.now} WHERE id=%s"
        )

    def note(self, key_id: int) -> None:
        """Write it, unless that was done a moment ago; a failure is no caller's."""
        now = self._clock()
        if now - self._noted_at.get(key_id, -math.inf) < _PERIOD_SECONDS:
            return
        self._noted_at[key_id] = now
        try:
            self._database.run(lambda c: c.execute(self._statement, (key_id,)))
        except (ConnectionLostError, DatabaseUnavailableError):
            self._noted_at.pop(key_id, None)
