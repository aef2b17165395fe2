"""Who is Anthropic's client at an address that is OpenAI's, too."""

from flask import Request

VERSION_HEADER = "anthropic-version"


def is_asked(request: Request) -> bool:
    """Tell whether Anthropic's API is meant: its clients always name its version."""
    return VERSION_HEADER in request.headers
