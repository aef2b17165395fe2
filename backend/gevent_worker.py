"""gunicorn's gevent worker, which also sends idle connections home when it stops.

Each kept-alive connection has a greenlet that waits for its next request. gunicorn
waits for them as for those that answer: one idle client would hold up every stop for
the whole graceful timeout.
"""

from types import TracebackType
from typing import Any

import gevent
from gunicorn.workers.ggevent import GeventWorker


class DrainingWorker(GeventWorker):  # type: ignore[misc]  # gunicorn has no types
    """A gevent worker that stops as soon as its responses are done."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # gunicorn's own
        super().__init__(*args, **kwargs)
        self.idle: dict[gevent.Greenlet, gevent.Timeout] = {}

    def timeout_ctx(self) -> "_Idle":
        """Wait for a connection's next request, for as long as it is kept alive."""
        return _Idle(self.idle, super().timeout_ctx())

    def handle_exit(self, sig: int, frame: Any) -> None:  # a signal handler
        """Stop after the responses under way."""
        super().handle_exit(sig, frame)
        gevent.spawn(self._send_home)

    def _send_home(self) -> None:
        # Their own timeout is what ends such a wait, and without a word in the log.
        for greenlet, timeout in list(self.idle.items()):
            gevent.kill(greenlet, timeout)


class _Idle:
    """Counts a greenlet as idle while it waits for a request."""

    def __init__(
        self, idle: dict[gevent.Greenlet, gevent.Timeout], timeout: gevent.Timeout
    ) -> None:
        self._idle = idle
        self._timeout = timeout

    def __enter__(self) -> None:
        self._timeout.start()
        self._idle[gevent.getcurrent()] = self._timeout

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        self._idle.pop(gevent.getcurrent(), None)
        return bool(self._timeout.__exit__(kind, error, traceback))
