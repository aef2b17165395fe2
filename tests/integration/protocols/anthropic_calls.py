"""What tests ask of Anthropic's client."""

import base64
from typing import Any

import anthropic
from anthropic import Anthropic
from anthropic.types import MessageParam

ASKED: list[MessageParam] = [{"role": "user", "content": "one two three"}]


PIXEL = base64.b64encode(
    base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
        "awAAAABJRU5ErkJggg=="
    )
).decode()


def create(client: Anthropic, **over: Any) -> anthropic.types.Message:
    wanted = {"model": "tiny-chat", "messages": ASKED, "max_tokens": 8} | over
    found: anthropic.types.Message = client.messages.create(**wanted)
    return found


def seen(media: str = "image/png") -> list[Any]:
    source = {"type": "base64", "media_type": media, "data": PIXEL}
    image = {"type": "image", "source": source}
    return [{"role": "user", "content": [{"type": "text", "text": "See?"}, image]}]
