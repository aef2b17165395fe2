"""Tell from a status and a text what went wrong, by what a real Ollama says.

Most texts were recorded from Ollama 0.24 (tests/contract/data); the others are known
from its users' reports. They decide before the status, since the same mistake of a
caller comes as 400, as 500, or as a line under 200.
"""

import re
from http import HTTPStatus

import orjson

from worker.ollama.errors import (
    ContextTooLongError,
    InvalidUpstreamRequestError,
    LoadTimeoutError,
    ModelMissingError,
    NodeOutOfMemoryError,
    NotOllamaError,
    OllamaError,
    RegistryUnreachableError,
    RequestCanceledError,
    RunnerCrashedError,
    ServerBusyError,
    UpstreamUnavailableError,
)

# The order matters: a runner that ends for want of memory says both things at once.
TEXTS: tuple[tuple[re.Pattern[str], type[OllamaError]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"^model ['\"].*['\"] not found", ModelMissingError),
        (r"^pull model manifest: file does not exist", ModelMissingError),
        (
            r"exceeds? (the )?(available |maximum )?context (length|size)",
            ContextTooLongError,
        ),
        (r"context size too large", ContextTooLongError),
        (r"^input .*is too large to process", ContextTooLongError),
        (r"more system memory|out of memory|insufficient memory", NodeOutOfMemoryError),
        (r"cudaMalloc failed|(failed|unable) to allocate", NodeOutOfMemoryError),
        (r"timed out waiting for .* to start", LoadTimeoutError),
        (r"^server busy", ServerBusyError),
        (r"^option \".*\" must be of type", InvalidUpstreamRequestError),
        (r"^invalid (format|option|think value)", InvalidUpstreamRequestError),
        (r"(parse|load|unexpected end of) (the )?grammar", InvalidUpstreamRequestError),
        (r"invalid JSON schema|json_schema", InvalidUpstreamRequestError),
        (r"does not support [a-z]+$", InvalidUpstreamRequestError),
        (r"illegal base64 data|image: unknown format", InvalidUpstreamRequestError),
        (r"(png|webp): (invalid|unsupported)", InvalidUpstreamRequestError),
        (r"(invalid|unsupported) JPEG", InvalidUpstreamRequestError),
        (r"^json: cannot unmarshal", InvalidUpstreamRequestError),
        (r"^pull model manifest|dial tcp|no such host", RegistryUnreachableError),
        (r"runner process|runner has unexpectedly stopped", RunnerCrashedError),
        (r"error was encountered while running the model", RunnerCrashedError),
        (r"^model failed to load|^error loading model", RunnerCrashedError),
    )
)
CLIENT_CLOSED_REQUEST = 499  # nginx's number, used by Ollama for a cancelled request
STATUSES: dict[int, type[OllamaError]] = {
    HTTPStatus.REQUEST_TIMEOUT: UpstreamUnavailableError,
    HTTPStatus.TOO_MANY_REQUESTS: UpstreamUnavailableError,
    CLIENT_CLOSED_REQUEST: RequestCanceledError,
    HTTPStatus.BAD_GATEWAY: UpstreamUnavailableError,
    HTTPStatus.SERVICE_UNAVAILABLE: UpstreamUnavailableError,
    HTTPStatus.GATEWAY_TIMEOUT: UpstreamUnavailableError,
    # Ollama has no login and knows these addresses: it is another server that says so.
    HTTPStatus.UNAUTHORIZED: NotOllamaError,
    HTTPStatus.FORBIDDEN: NotOllamaError,
    HTTPStatus.NOT_FOUND: NotOllamaError,
    HTTPStatus.METHOD_NOT_ALLOWED: NotOllamaError,
}


def classify(status: int | None, text: str) -> OllamaError:
    """Give the error that an answer stands for.

    Args:
        status: The HTTP status; None for an error line inside a stream.
        text: The body, or the error text itself.
    """
    message = error_text(text)
    for pattern, kind in TEXTS:
        if pattern.search(message):
            return kind(message, status=status)
    return _by_status(status)(message, status=status)


def error_text(body: str) -> str:
    """Take the error text out of `{"error": ...}`; anything else is the text itself."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.strip()
    error = document.get("error", body) if isinstance(document, dict) else body
    if isinstance(error, dict):  # how the OpenAI paths say it
        error = error.get("message", body)
    return str(error).strip()


def _by_status(status: int | None) -> type[OllamaError]:
    if status is None:
        return OllamaError
    if status in STATUSES:
        return STATUSES[status]
    if status < HTTPStatus.BAD_REQUEST:
        return NotOllamaError  # a redirect, say to a login page
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return InvalidUpstreamRequestError
    return OllamaError
