"""Every error as an RFC 9457 problem with a stable `code` (JOBS.md 6)."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from flask import Flask, Response, current_app, g, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from backend.api import missing_address
from backend.api.field_errors import field_error
from backend.core.errors import (
    AppError,
    BodyTooLargeError,
    FieldError,
    InvalidRequestError,
    MethodNotAllowedError,
    NotAcceptableError,
    NotFoundError,
    UnsupportedMediaTypeError,
)

log = structlog.get_logger()

CONTENT_TYPE = "application/problem+json"
_SERVER_ERROR = HTTPStatus.INTERNAL_SERVER_ERROR
# What Flask itself raises, in our words.
_OWN_WORDS: dict[int, type[AppError]] = {
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.METHOD_NOT_ALLOWED: MethodNotAllowedError,
    HTTPStatus.NOT_ACCEPTABLE: NotAcceptableError,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: BodyTooLargeError,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: UnsupportedMediaTypeError,
}


# How a protocol tells an error.
Tell = Callable[[AppError], Response]
_PROTOCOLS = "corral-errors"


def register(app: Flask, protocols: Mapping[str, Tell]) -> None:
    """Make every error of the application a problem, or what its protocol has for it.

    Args:
        app: The application.
        protocols: By the beginning of their addresses, the longest first.
    """
    app.extensions[_PROTOCOLS] = protocols
    app.register_error_handler(AppError, _answer_app_error)
    app.register_error_handler(HTTPException, _answer_http_error)
    app.register_error_handler(Exception, _answer_accident)


def _answer_app_error(error: AppError) -> Response:
    if error.status >= _SERVER_ERROR:
        log.warning("request_failed", code=error.code, error=repr(error.__cause__))
    response = _tell()(error)
    if error.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="corral"'
    if error.retryable:
        response.headers["Retry-After"] = str(error.retry_after or 1)
    return response


def _tell() -> Tell:
    protocols: Mapping[str, Tell] = current_app.extensions[_PROTOCOLS]
    path = request.path
    return next(
        (tell for start, tell in protocols.items() if path.startswith(start)),
        native,
    )


def native(error: AppError) -> Response:
    """Tell an error as the native API does."""
    return problem(error.status, error.code, error.detail, errors=error.errors)


def compatible_status(error: AppError | type[AppError]) -> int:
    """Give the status that other vendors' protocols have for it: none has a 422."""
    if error.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return HTTPStatus.BAD_REQUEST
    return error.status


def compatible(error: AppError, body: Any) -> Response:
    """Tell an error in a body of another vendor's protocol.

    OpenAI's and Anthropic's SDKs repeat a request after 408, 409, 429 and 5xx unless
    `x-should-retry` says otherwise, so that header tells what a repeat is good for.
    """
    response = Response(
        orjson.dumps(body), compatible_status(error), content_type="application/json"
    )
    response.headers["x-should-retry"] = "true" if error.retryable else "false"
    return response


def _answer_http_error(error: HTTPException) -> Response:
    status = error.code or _SERVER_ERROR
    own = _OWN_WORDS.get(status)
    if own is None:
        code = HTTPStatus(status).name.lower()
        response = problem(status, code, error.description or "")
    else:
        response = _answer_app_error(own(_advice(own)))
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _advice(error: type[AppError]) -> str:
    """Say what to do where nothing is; the other errors say enough."""
    if error is not NotFoundError:
        return ""
    addresses = current_app.url_map.bind("")
    return missing_address.advice(
        request.path, exists=lambda path: addresses.test(path, request.method)
    )


def _answer_accident(error: Exception) -> Response:
    """Answer for a mistake of ours: the caller gets the id of the log's line."""
    log.error("request_crashed", exc_info=error)
    return _tell()(AppError("Something went wrong on our side."))


def problem(
    status: int, code: str, detail: str, *, errors: Sequence[FieldError] = ()
) -> Response:
    """Write a problem."""
    body: dict[str, Any] = {
        "type": f"/docs#error-{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": g.get("request_id"),
        "errors": [{"field": e.field, "message": e.message} for e in errors],
    }
    return Response(orjson.dumps(body), status, content_type=CONTENT_TYPE)


def invalid(field: str, message: str) -> InvalidRequestError:
    """Make the error of one field."""
    return InvalidRequestError.of(field, message)


def invalid_fields(error: ValidationError, sent: Any) -> InvalidRequestError:
    """Make one error of all that pydantic found in what was sent."""
    found = error.errors(include_url=False, include_input=False)
    fields = tuple(dict.fromkeys(field_error(one, sent) for one in found))
    first = fields[0]
    return InvalidRequestError(f"{first.field}: {first.message}", errors=fields)
