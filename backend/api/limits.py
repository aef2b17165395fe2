"""How much a request may bring, checked before it is read or parsed."""

from typing import Any

import orjson
from flask import Flask, request

from backend.core.errors import MalformedJsonError, UnsupportedMediaTypeError
from backend.core.nesting import DEEPEST, is_too_deep

_JSON = "application/json"


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
    if is_too_deep(body, data):
        raise MalformedJsonError(f"The body is nested more than {DEEPEST} deep.")
    return body
