"""Errors in Anthropic's words: `{type: "error", error: {type, message}, request_id}`.

Its SDK repeats a request after 408, 409, 429 and 5xx unless `x-should-retry` says
otherwise, so that header tells what a repeat is good for.
"""

from http import HTTPStatus
from typing import Any

import orjson
from flask import Response, g

from backend.api.calls.failure import CLIENT_CLOSED_REQUEST
from backend.core.errors import AppError

# https://platform.claude.com/docs/en/api/errors
_TYPES: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.NOT_FOUND: "not_found_error",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "request_too_large",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
    HTTPStatus.GATEWAY_TIMEOUT: "timeout_error",
    HTTPStatus.SERVICE_UNAVAILABLE: "overloaded_error",
    CLIENT_CLOSED_REQUEST: "api_error",
}


def answer(error: AppError) -> Response:
    """Answer with an error; 422 is 400 here."""
    response = Response(
        orjson.dumps(body(error, request_id=g.get("request_id"))),
        status_of(error),
        content_type="application/json",
    )
    response.headers["x-should-retry"] = "true" if error.retryable else "false"
    return response


def status_of(error: AppError | type[AppError]) -> int:
    """Give the status that Anthropic has for it."""
    if error.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return HTTPStatus.BAD_REQUEST
    return error.status


def body(error: AppError, *, request_id: str | None) -> dict[str, Any]:
    """Write an error, as a body or as an event of a stream."""
    status = status_of(error)
    server = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    usual = "api_error" if server else "invalid_request_error"
    return {
        "type": "error",
        "error": {
            "type": _TYPES.get(status, usual),
            "message": error.detail,
            # Not Anthropic's, but the only thing that is stable for programs.
            "code": error.code,
        },
        "request_id": request_id,
    }
