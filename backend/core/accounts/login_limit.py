"""How often a password may be wrong: counted in Redis, by name and in all.

An attempt counts from its beginning, so that many at once are not more than one after
the other, and is given back unless its password was wrong. Names are counted whether
they exist or not. There is no count by address: the UI's users have one between them,
and what a proxy says of others can be made up; the UI counts the addresses it sees.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import redis
import structlog

from backend.core.account_errors import TooManyLoginsError, WrongPasswordError
from backend.core.errors import AppError, QueueUnavailableError

log = structlog.get_logger()

# KEYS counters; ARGV window in ms, then the most of each. Gives how long to wait in ms
# (0: it is counted), and for the first that waits in its window which counter it was.
_TAKE = """
for i, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or 0) >= tonumber(ARGV[i + 1]) then
    local left = math.max(redis.call('PTTL', key), 1)
    local first = redis.call('SET', key .. ':told', 1, 'NX', 'PX', left)
    return {left, first and i or 0}
  end
end
for _, key in ipairs(KEYS) do
  if redis.call('INCR', key) == 1 then redis.call('PEXPIRE', key, ARGV[1]) end
end
return {0, 0}
"""
_GIVE_BACK = """
for _, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or 0) > 0 then redis.call('DECR', key) end
end
"""
_ALL = "corral:login:all"


class LoginLimit:
    """Counts wrong passwords over a window of time."""

    def __init__(
        self, client: redis.Redis, *, by_name: int, in_all: int, window_ms: int
    ) -> None:
        """Keep the client and the limits."""
        self._client: Any = client  # redis-py types its scripts' replies as anything
        self._most = (by_name, in_all)
        self._window_ms = window_ms

    @contextmanager
    def attempt(
        self, name: str, *, told_first: Callable[[bool], None]
    ) -> Iterator[None]:
        """Count what is done within as an attempt, if its password is wrong.

        Args:
            name: Whose password.
            told_first: Called for the first of a window that has to wait; True if that
                is not for the name, but for too many in all.

        Raises:
            TooManyLoginsError: If there were too many already.
            QueueUnavailableError: If they cannot be counted.
        """
        keys = [_key(name), _ALL]
        self._take(keys, told_first)
        try:
            yield
        except WrongPasswordError:
            raise
        except AppError:
            self._give_back(keys)
            raise
        self._give_back(keys)

    def _take(self, keys: list[str], told_first: Callable[[bool], None]) -> None:
        arguments = [*keys, self._window_ms, *self._most]
        try:
            wait_ms, first_of = self._client.eval(_TAKE, len(keys), *arguments)
        except redis.RedisError as error:
            raise QueueUnavailableError(
                "Redis cannot be reached, so log-ins cannot be counted; try again."
            ) from error
        if first_of:
            told_first(keys[first_of - 1] == _ALL)
        if wait_ms:
            raise TooManyLoginsError(retry_after=-(-wait_ms // 1000))

    def _give_back(self, keys: list[str]) -> None:
        try:
            self._client.eval(_GIVE_BACK, len(keys), *keys)
        except redis.RedisError as error:
            # It counts as wrong until the window ends; who is logged in stays so.
            log.warning("login_not_given_back", error=str(error))


def _key(name: str) -> str:
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"corral:login:name:{digest[:32]}"
