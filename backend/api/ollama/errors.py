"""Errors in Ollama's words: `{"error": "text"}`; our code is in a header.

What Ollama itself said is repeated in its words, since clients look for them.
"""

from flask import Response

from backend.api.calls.failure import JobFailedError
from backend.api.errors import compatible_status
from backend.api.ollama.replies import reply
from backend.core.errors import (
    AppError,
    ContextLengthExceededError,
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
)

CODE_HEADER = "X-Corral-Error-Code"
_TOO_LONG = "the input length exceeds the context length"
# What Gin, which Ollama is built on, says where there is no address or no such method.
_PLAIN: dict[type[AppError], str] = {
    NotFoundError: "404 page not found",
    MethodNotAllowedError: "405 method not allowed",
}


def answer(error: AppError) -> Response:
    """Answer with an error."""
    plain = _PLAIN.get(type(error))
    if plain is not None:
        return Response(plain, error.status, content_type="text/plain")
    headers = {CODE_HEADER: error.code}
    return reply({"error": text(error)}, compatible_status(error), headers)


def text(error: AppError) -> str:
    """Say what is wrong."""
    if isinstance(error, JobFailedError):
        return error.message
    if isinstance(error, ContextLengthExceededError):
        return f"{_TOO_LONG}: {error.detail}"
    if isinstance(error, InvalidRequestError):
        # There is no `request` around what Ollama's clients send.
        return error.detail.removeprefix("request.")
    return error.detail
