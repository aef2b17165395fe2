"""Which web pages may call the API from a browser (the Fetch standard's CORS).

A page of an allowed origin calls with a key that it holds itself, never with cookies,
so nothing here allows credentials. A page of another origin gets the answers of
anybody, without the headers that would let it read them.
"""

import re
from collections.abc import Sequence
from http import HTTPStatus

from flask import Flask, Response, request

from backend.core.web_origins import ANY

_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
# What the stock clients and ours send; browsers add `accept` and its like unasked.
_HEADERS = frozenset(
    {
        "accept",
        "authorization",
        "cache-control",
        "content-type",
        "idempotency-key",
        "last-event-id",
        "prefer",
        "traceparent",
        "tracestate",
        "user-agent",
        "x-api-key",
        "x-request-id",
        "x-requested-with",
    }
)
_PREFIXES = ("anthropic-", "openai-", "x-corral-", "x-stainless-")
_NAME = re.compile(r"[a-z0-9-]{1,64}")
# Browsers keep a preflight's answer for two hours at most (Chrome).
_MAX_AGE_SECONDS = 7_200


def register(app: Flask, origins: Sequence[str]) -> None:
    """Answer preflights and let pages of these origins read the answers.

    Its place is after the hooks, which count its answers, and before the guard, since
    preflights bring no key.
    """
    if not origins:
        return
    allowed = frozenset(origins)

    def preflight() -> Response | None:
        environ = request.environ
        if (
            request.method != "OPTIONS"
            or "HTTP_ORIGIN" not in environ
            or "HTTP_ACCESS_CONTROL_REQUEST_METHOD" not in environ
        ):
            return None
        response = Response(status=HTTPStatus.NO_CONTENT)
        if _is_allowed(environ["HTTP_ORIGIN"], allowed):
            _permit(response, environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", ""))
        return response

    def open_to_pages(response: Response) -> Response:
        origin: str | None = request.environ.get("HTTP_ORIGIN")
        if origin is None:
            return response
        if ANY not in allowed:
            response.vary.add("Origin")
        if _is_allowed(origin, allowed):
            headers = response.headers
            headers["Access-Control-Allow-Origin"] = ANY if ANY in allowed else origin
            # All of them, which a page may ask for where no credentials are allowed.
            headers["Access-Control-Expose-Headers"] = ANY
        return response

    app.before_request(preflight)
    app.after_request(open_to_pages)


def _is_allowed(origin: str, allowed: frozenset[str]) -> bool:
    return ANY in allowed or origin in allowed


def _permit(response: Response, asked: str) -> None:
    names = [name.strip().lower() for name in asked.split(",")]
    response.headers["Access-Control-Allow-Methods"] = _METHODS
    response.headers["Access-Control-Allow-Headers"] = ", ".join(
        dict.fromkeys(name for name in names if _may_be_sent(name))
    )
    response.headers["Access-Control-Max-Age"] = str(_MAX_AGE_SECONDS)


def _may_be_sent(name: str) -> bool:
    known = name in _HEADERS or name.startswith(_PREFIXES)
    return known and _NAME.fullmatch(name) is not None
