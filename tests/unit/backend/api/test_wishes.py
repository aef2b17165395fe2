import pytest
from flask import Flask

from backend.api.wishes import preferred_wait, require_stream, wants_stream
from backend.core.errors import NotAcceptableError

APP = Flask(__name__)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=10", 10),
        ("Wait = 10", 10),
        ('respond-async, wait="7"; x=1', 7),
        ("respond-async;wait=0", 0),
        ("", None),
        ("respond-async", None),
        ("wait", None),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("await=3", None),
        ("wait=9999999999", None),
    ],
)
def test_a_wait_is_read_where_there_is_one(header: str, seconds: int | None) -> None:
    with APP.test_request_context(headers={"Prefer": header}):
        assert preferred_wait() == seconds


@pytest.mark.parametrize(
    ("accept", "streamed"),
    [
        (None, False),
        ("*/*", False),
        ("application/json", False),
        ("text/event-stream", True),
        ("application/*", False),
        ("text/*", True),
        ("text/html, */*;q=0.8", False),
        ("text/event-stream, application/json;q=0.5", True),
        ("text/event-stream;q=0.5, application/json", False),
    ],
)
def test_a_stream_is_for_those_who_rather_take_one(
    accept: str | None, *, streamed: bool
) -> None:
    headers = {} if accept is None else {"Accept": accept}
    with APP.test_request_context(headers=headers):
        assert wants_stream() is streamed


@pytest.mark.parametrize("accept", ["image/png", "text/html"])
def test_who_takes_neither_is_told(accept: str) -> None:
    with APP.test_request_context(headers={"Accept": accept}):
        with pytest.raises(NotAcceptableError):
            wants_stream()
        with pytest.raises(NotAcceptableError):
            require_stream()


@pytest.mark.parametrize("accept", ["", "*/*", "text/event-stream", "text/*"])
def test_a_stream_is_given_to_who_takes_one(accept: str) -> None:
    with APP.test_request_context(headers={"Accept": accept}):
        require_stream()
