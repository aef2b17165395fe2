"""Ask a server on this machine one question."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit


def get(
    url: str, *, key: str | None = None, timeout_seconds: float = 2
) -> tuple[int, bytes] | None:
    """Return status and body, or nothing if no HTTP server answers there."""
    parts = urlsplit(url)
    kind = (
        http.client.HTTPSConnection
        if parts.scheme == "https"
        else http.client.HTTPConnection
    )
    connection = kind(parts.netloc, timeout=timeout_seconds)
    try:
        connection.request("GET", parts.path or "/", headers=_headers(key))
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def answers(url: str) -> bool:
    """Tell whether a GET is answered with success."""
    answer = get(url)
    return answer is not None and answer[0] < 300


def get_json(url: str, *, key: str | None = None) -> Any:
    """Return the JSON that is answered with success, else nothing."""
    answer = get(url, key=key)
    if answer is None or answer[0] >= 300:
        return None
    try:
        return json.loads(answer[1])
    except ValueError:
        return None


def _headers(key: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}
