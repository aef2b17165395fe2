"""Responses that can be asked for again."""

from dataclasses import dataclass
from typing import Any

import orjson

from backend.api.container import services
from backend.api.errors import invalid
from backend.api.openai.responses.answer import response
from backend.api.openai.responses.ids import job_id_of
from backend.api.openai.responses.request import without_instructions
from backend.api.openai.schemas.responses import ResponseCreateParams
from backend.core.errors import (
    FieldError,
    JobNotFoundError,
    PreviousResponseNotFoundError,
    ResponseNotFoundError,
)
from backend.core.jobs.records import JobRecord

Json = dict[str, Any]
PREVIOUS = "previous_response_id"


@dataclass(frozen=True, slots=True)
class Stored:
    """A response's job, and what was asked."""

    row: JobRecord
    body: ResponseCreateParams


def find(response_id: str, owner_id: int) -> Stored:
    """Read a response.

    Raises:
        ResponseNotFoundError: If there is none, or it is another's, or not kept.
    """
    job_id = job_id_of(response_id)
    try:
        row = services().reads.require(job_id, owner_id)
    except JobNotFoundError:
        raise ResponseNotFoundError from None
    original = None if row.payload_expired else services().query.original(job_id)
    if original is None:
        raise ResponseNotFoundError
    body = ResponseCreateParams.model_validate(orjson.loads(original))
    if not body.stored:
        raise ResponseNotFoundError
    return Stored(row, body)


def conversation_before(body: ResponseCreateParams, owner_id: int) -> list[Json]:
    """Give the messages that a request goes on with.

    Raises:
        AppError: If it names a response that is not there, or has no answer.
    """
    if body.previous_response_id is None:
        return []
    try:
        return _conversation(find(body.previous_response_id, owner_id))
    except ResponseNotFoundError:
        error = PreviousResponseNotFoundError()
        error.errors = (FieldError(PREVIOUS, error.detail),)
        raise error from None


def _conversation(stored: Stored) -> list[Json]:
    row, told = stored.row, response(stored.row, stored.body)
    if told["status"] not in {"completed", "incomplete"}:
        raise invalid(PREVIOUS, f"the response is {told['status']}: it has no answer")
    return [*without_instructions(stored.body, row.request), _answer(told)]


def _answer(told: Json) -> Json:
    """Give what the model said as one more message."""
    said: Json = {"role": "assistant", "content": ""}
    for item in told["output"]:
        if item["type"] == "reasoning":
            said["thinking"] = item["summary"][0]["text"]
        elif item["type"] == "message":
            said["content"] = item["content"][0]["text"]
        else:
            call = {"name": item["name"], "arguments": orjson.loads(item["arguments"])}
            calls = said.setdefault("tool_calls", [])
            calls.append({"id": item["call_id"], "function": call})
    return said
