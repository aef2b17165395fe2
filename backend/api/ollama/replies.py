"""What Ollama's addresses answer with: JSON that names its charset, as Gin's does."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from flask import Response

JSON = "application/json; charset=utf-8"
NDJSON = "application/x-ndjson"


def reply(
    data: Any,  # whatever JSON can hold
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with JSON."""
    return Response(orjson.dumps(data), status, headers, content_type=JSON)


def line(data: Mapping[str, Any]) -> bytes:
    """Write a line of a stream."""
    return orjson.dumps(data) + b"\n"


def nothing() -> Response:
    """Answer that it is done: a body without bytes and without a type."""
    response = Response()
    del response.headers["Content-Type"]
    return response
