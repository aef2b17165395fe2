"""What routes answer with: JSON as orjson writes it, and nothing in between."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from flask import Response
from werkzeug.datastructures import Headers

# Times are RFC 3339 in UTC; ids that are numbers stay numbers.
_OPTIONS = orjson.OPT_UTC_Z


class WholeAnswer(Response):
    """An answer whose headers are complete and plain: they are sent as they stand.

    Werkzeug's own look at them (which copies them, and parses a `Location`) is a
    twentieth of what this process does for a job.
    """

    def get_wsgi_headers(self, environ: object) -> Headers:  # noqa: ARG002  # Werkzeug's
        """Give the headers."""
        return self.headers


def answer(
    data: Any,  # whatever JSON can hold
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with JSON."""
    body = orjson.dumps(data, option=_OPTIONS)
    own = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return WholeAnswer(body, status, own if headers is None else own | dict(headers))


def listed(data: list[Any], following: str | None = None) -> Response:
    """Answer with a list and where its next page begins."""
    return answer({"data": data, "next": following})


def nothing() -> Response:
    """Answer that it is done."""
    return Response(status=HTTPStatus.NO_CONTENT)
