"""Responses of OpenAI's protocol: what the tests have in common."""

from typing import Any
from uuid import UUID

import httpx
import orjson
from openai import OpenAI
from openai.types.responses import Response

from backend.core.jobs.records import JobRecord
from tests.contract.openai_shapes import check
from tests.integration.protocols.openai_wire import Json
from tests.platform import Platform
from tests.stack import Stack

PATH = "/v1/responses"
CHAT: dict[str, Any] = {"model": "tiny-chat", "input": "one two three"}
SHORT: dict[str, Any] = {**CHAT, "max_output_tokens": 8}
WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "get_weather",
    "description": "Tells the weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
    "strict": False,
}


def job_of(platform: Platform, response: Response) -> JobRecord:
    """Read the job of a response."""
    return platform.job(str(UUID(response.id.removeprefix("resp_"))))


def until_final(client: OpenAI, response_id: str) -> Response:
    """Ask for a response until it has ended."""
    running = {"queued", "in_progress"}
    Stack.until(lambda: client.responses.retrieve(response_id).status not in running)
    return client.responses.retrieve(response_id)


def events_of(reply: httpx.Response) -> list[Json]:
    """Give the events of a whole stream, each of which has its shape."""
    assert reply.status_code == 200, reply.text
    assert reply.headers["Content-Type"] == "text/event-stream"
    assert reply.content.endswith(b"\n\n")
    blocks = reply.content.removesuffix(b"\n\n").split(b"\n\n")
    found = []
    for block in (block for block in blocks if not block.startswith(b": ")):
        event, data = block.split(b"\n")
        found.append(orjson.loads(data.removeprefix(b"data: ")))
        assert event == b"event: " + found[-1]["type"].encode()
        check("response_event", found[-1])
    return found
