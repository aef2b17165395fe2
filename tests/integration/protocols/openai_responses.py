"""Responses by OpenAI's own client: what the tests have in common."""

from typing import Any
from uuid import UUID

from openai import OpenAI
from openai.types.responses import Response

from backend.core.jobs.records import JobRecord
from tests.platform import Platform
from tests.stack import Stack

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
