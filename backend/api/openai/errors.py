"""Errors in OpenAI's words: `{"error": {message, type, param, code}}`.

Its SDK repeats a request after 408, 409, 429 and 5xx unless `x-should-retry` says
otherwise, so that header tells what a repeat is good for.
"""

from http import HTTPStatus
from typing import Any

import orjson
from flask import Response

from backend.core.errors import AppError

# Ours where theirs is another; all others are the same, or have no like.
_CODES = {
    "missing_key": "invalid_api_key",
    "invalid_key": "invalid_api_key",
    "expired_key": "invalid_api_key",
    "disabled_key": "invalid_api_key",
    "rate_limited": "rate_limit_exceeded",
}
# Clients tell a used-up quota from a rate by its type.
_QUOTA = "insufficient_quota"
_TYPES: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.NOT_FOUND: "not_found_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
}


def answer(error: AppError) -> Response:
    """Answer with an error; 422 is 400 here."""
    response = Response(
        orjson.dumps(body(error)), status_of(error), content_type="application/json"
    )
    response.headers["x-should-retry"] = "true" if error.retryable else "false"
    return response


def status_of(error: AppError | type[AppError]) -> int:
    """Give the status that OpenAI has for it."""
    if error.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return HTTPStatus.BAD_REQUEST
    return error.status


def body(error: AppError) -> dict[str, Any]:
    """Write an error, as a body or as an event of a stream."""
    return {
        "error": {
            "message": error.detail,
            "type": _type(error, status_of(error)),
            "param": param(error),
            "code": _CODES.get(error.code, error.code),
        }
    }


def _type(error: AppError, status: int) -> str:
    if error.code == _QUOTA:
        return _QUOTA
    server = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return _TYPES.get(status, "server_error" if server else "invalid_request_error")


def param(error: AppError) -> str | None:
    """Name the field at fault."""
    return error.errors[0].field if error.errors else None
