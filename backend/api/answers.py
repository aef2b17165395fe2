"""What routes answer with: JSON as orjson writes it, and nothing in between."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from flask import Response

# Times are RFC 3339 in UTC; ids that are numbers stay numbers.
_OPTIONS = orjson.OPT_UTC_Z


def answer(
    data: Any,  # whatever JSON can hold
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with JSON."""
    body = orjson.dumps(data, option=_OPTIONS)
    return Response(body, status, headers, content_type="application/json")


def listed(data: list[Any], following: str | None = None) -> Response:
    """Answer with a list and where its next page begins."""
    return answer({"data": data, "next": following})


def nothing() -> Response:
    """Answer that it is done."""
    return Response(status=HTTPStatus.NO_CONTENT)
