"""Errors in OpenAI's words: `{"error": {message, type, param, code}}`."""

from http import HTTPStatus
from typing import Any

from flask import Response

from backend.api.errors import compatible, compatible_status
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
    """Answer with an error."""
    return compatible(error, body(error))


def body(error: AppError) -> dict[str, Any]:
    """Write an error, as a body or as an event of a stream."""
    return {
        "error": {
            "message": error.detail,
            "type": _type(error, compatible_status(error)),
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
