"""What happens around every request: its id, its line in the log, its metrics."""

import re
import time

import structlog
from flask import Flask, Response, g, request
from structlog.contextvars import bind_contextvars, clear_contextvars

from backend.core import metrics
from backend.core.identifiers import uuid7

log = structlog.get_logger()

_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
# W3C Trace Context, 3.2: version 00, and neither id all zeros.
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
_QUIET = frozenset({"health", "metrics"})


def register(app: Flask) -> None:
    """Put the hooks around the application's requests."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    environ = request.environ
    g.began = time.perf_counter()
    sent = environ.get("HTTP_X_REQUEST_ID", "")
    g.request_id = sent if _SANE_ID.fullmatch(sent) else uuid7()
    # One greenlet or thread serves many requests.
    clear_contextvars()
    bind_contextvars(request_id=g.request_id)


def traceparent() -> str | None:
    """Give the caller's trace context, if it is one."""
    sent: str = request.environ.get("HTTP_TRACEPARENT", "")
    return sent if _TRACEPARENT.fullmatch(sent) else None


def _end(response: Response) -> Response:
    response.headers.add("X-Request-Id", g.request_id)
    # What the door told of the caller's limits (`accepting`).
    if limits := g.get("answer_headers"):
        response.headers.update(limits)
    if job_id := g.get("job_id"):
        response.headers.add("X-Corral-Job-Id", job_id)
    rule, began, name = request.url_rule, g.began, request.blueprint
    method, path, route = request.method, request.path, rule.rule if rule else "none"

    def told() -> None:
        seconds = time.perf_counter() - began
        metrics.record_request(method, route, response.status_code, seconds)
        if name not in _QUIET:
            _log(method, path, response.status_code, seconds)

    # When all is sent: nobody waits for the line, and it tells how long a stream was
    # listened to.
    response.call_on_close(told)
    return response


def _log(method: str, path: str, status: int, seconds: float) -> None:
    log.info(
        "request",
        method=method,
        path=path,
        status=status,
        milliseconds=round(seconds * 1000, 2),
    )
