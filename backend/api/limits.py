"""How much a request may bring, checked before it is read or parsed."""

from typing import Any

import orjson
from flask import Flask, request

from backend.core.errors import MalformedJsonError, UnsupportedMediaTypeError

_JSON = "application/json"
# orjson writes what is nested 254 deep at most, and some of it is put into more.
_DEEPEST = 200


def register(app: Flask, *, max_body_bytes: int) -> None:
    """Refuse larger bodies: by their announced length, or while they are read."""
    app.config["MAX_CONTENT_LENGTH"] = max_body_bytes


def read_json(*, any_type: bool = False) -> Any:  # whatever JSON can hold
    """Read the request's body; with `any_type` it need not say that it is JSON.

    Raises:
        UnsupportedMediaTypeError: If it is not sent as JSON.
        MalformedJsonError: If it is not JSON. Lone surrogates, NaN and what is nested
            more than 200 deep are none (JOBS.md 30).
    """
    if not any_type and request.mimetype != _JSON:
        raise UnsupportedMediaTypeError
    data = request.get_data()
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise MalformedJsonError(f"The body is not valid JSON: {error}.") from None
    # Few bodies have so many brackets at all.
    if data.count(b"[") + data.count(b"{") > _DEEPEST and _depth(body) > _DEEPEST:
        raise MalformedJsonError(f"The body is nested more than {_DEEPEST} deep.")
    return body


def _depth(body: Any) -> int:  # whatever JSON can hold
    """Count how deep lists and objects are nested in each other, level by level."""
    depth, level = 0, [body]
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return depth
