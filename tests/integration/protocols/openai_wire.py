"""OpenAI's protocol as it is on the wire."""

from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import orjson

Json = dict[str, Any]
CHAT = "/v1/chat/completions"
HELLO: list[Json] = [{"role": "user", "content": "Hello"}]
WEATHER: Json = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
TIME: Json = {"type": "function", "function": {"name": "get_time"}}


def chat(**more: Any) -> Json:
    """Make the body of a small chat."""
    return {"model": "tiny-chat", "messages": HELLO, "max_tokens": 8, **more}


def data_of(reply: httpx.Response) -> list[bytes]:
    """Give the data of a whole stream; every other line is a comment."""
    assert reply.status_code == 200, reply.text
    assert reply.headers["Content-Type"] == "text/event-stream"
    assert reply.content.endswith(b"\n\n")
    blocks = reply.content.removesuffix(b"\n\n").split(b"\n\n")
    told = [block for block in blocks if not block.startswith(b": ")]
    assert all(block.startswith(b"data: ") and b"\n" not in block for block in told)
    return [block.removeprefix(b"data: ") for block in told]


def chunks_of(reply: httpx.Response) -> list[Json]:
    """Give the chunks of a stream that ended well."""
    *chunks, last = data_of(reply)
    assert last == b"[DONE]"
    return [orjson.loads(chunk) for chunk in chunks]


def deltas(chunks: Sequence[Json], index: int = 0) -> Iterator[Json]:
    """Give what one answer of a stream said."""
    choices = (choice for chunk in chunks for choice in chunk["choices"])
    return (choice["delta"] for choice in choices if choice["index"] == index)
