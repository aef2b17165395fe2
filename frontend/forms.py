"""Reading what a form of our own pages posts."""

from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request

# A key has about 60 characters, the longest password 128 of up to twelve each.
_BODY_LIMIT = 8192


class TooLargeError(Exception):
    """The body is larger than any of our forms."""


async def read_form(request: Request) -> dict[str, str]:
    """Read the fields, each once.

    Raises:
        TooLargeError: If it is none of ours.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_LIMIT:
            raise TooLargeError
    fields = parse_qs(body.decode("utf-8", "replace"))
    return {name: values[0] for name, values in fields.items()}


def is_from_our_page(request: Request) -> bool:
    """Tell whether a form was posted from our own page; browsers always send Origin."""
    origin = request.headers.get("origin")
    return bool(origin) and urlsplit(origin).netloc == request.headers.get("host")


def address(request: Request) -> str:
    """Tell where a request comes from."""
    return request.client.host if request.client else "unknown"
