"""How a caller wants its answer: at once, after a wait, or as a stream."""

import re

from flask import request

from backend.core.errors import NotAcceptableError

EVENT_STREAM = "text/event-stream"
_JSON = "application/json"
_CSV = "text/csv"
# RFC 7240: preferences are a list; what is not understood is ignored.
_WAIT = re.compile(
    r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?:$|[,;])", re.IGNORECASE
)


def preferred_wait() -> int | None:
    """Read `Prefer: wait=N`: how many seconds the caller wants to wait at most."""
    header: str = request.environ.get("HTTP_PREFER", "")
    if not header:
        return None
    match = _WAIT.search(header)
    return None if match is None else int(match[1])


def wants_stream() -> bool:
    """Tell whether the caller asks for an event stream rather than JSON.

    Raises:
        NotAcceptableError: If it takes neither.
    """
    header: str = request.environ.get("HTTP_ACCEPT", "")
    if not header or header in ("*/*", _JSON):
        return False
    if header == EVENT_STREAM:
        return True
    best = request.accept_mimetypes.best_match([_JSON, EVENT_STREAM])
    if best is None:
        raise NotAcceptableError(f"Accept {_JSON} or {EVENT_STREAM}.")
    return best == EVENT_STREAM


def require_stream() -> None:
    """Check that the caller takes an event stream.

    Raises:
        NotAcceptableError: If it does not.
    """
    header: str = request.environ.get("HTTP_ACCEPT", "")
    if header and not request.accept_mimetypes[EVENT_STREAM]:
        raise NotAcceptableError(f"This address answers with {EVENT_STREAM}.")


def wants_csv(asked: str | None) -> bool:
    """Tell whether the caller wants CSV rather than JSON; `asked` is what it said.

    Raises:
        NotAcceptableError: If it takes neither.
    """
    if asked is not None or not request.environ.get("HTTP_ACCEPT"):
        return asked == "csv"
    best = request.accept_mimetypes.best_match([_JSON, _CSV])
    if best is None:
        raise NotAcceptableError(f"Accept {_JSON} or {_CSV}.")
    return best == _CSV
