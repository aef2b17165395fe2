"""Write a request as HTTP says it."""

import re
from collections.abc import Mapping

from worker.ollama.pool import Origin

# What would end a header and begin another one.
FORBIDDEN = re.compile(r"[\r\n\0]")


def build_request(
    origin: Origin, path: str, body: bytes, headers: Mapping[str, str]
) -> bytes:
    """Give the bytes of a POST of JSON.

    Raises:
        ValueError: A header cannot be sent.
    """
    extra = "".join(_line(name, value) for name, value in headers.items())
    head = (
        f"POST {origin.prefix}{path} HTTP/1.1\r\nHost: {origin.authority}\r\n"
        f"Content-Type: application/json\r\n{extra}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("latin-1") + body


def _line(name: str, value: str) -> str:
    if FORBIDDEN.search(name) or FORBIDDEN.search(value) or not value.isascii():
        raise ValueError(f"the value of header {name!r} cannot be sent")
    return f"{name}: {value}\r\n"
