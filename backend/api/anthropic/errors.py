"""Errors in Anthropic's words: `{type: "error", error: {…}, request_id}`."""

from http import HTTPStatus
from typing import Any

from flask import Response, g

from backend.api.calls.failure import CLIENT_CLOSED_REQUEST
from backend.api.errors import compatible, compatible_status
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
    """Answer with an error."""
    return compatible(error, body(error, request_id=g.get("request_id")))


def body(error: AppError, *, request_id: str | None) -> dict[str, Any]:
    """Write an error, as a body or as an event of a stream."""
    status = compatible_status(error)
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
