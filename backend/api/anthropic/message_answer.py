"""An answer as Anthropic tells it: a whole message (pure)."""

from collections.abc import Iterator, Sequence
from typing import Any

from backend.api.calls.ids import answer_id, part_id
from backend.api.calls.tooling import Tooling
from backend.core.jobs.records import JobRecord

Json = dict[str, Any]


def message(row: JobRecord, tools: Tooling, *, model: str) -> Json:
    """Write the whole answer.

    Raises:
        AppError: If a tool had to be called, and was not.
    """
    said = row.result["message"]
    text, calls = tools.settled(
        said["content"], said.get("tool_calls") or [], row.done_reason
    )
    return head(row.id, model=model) | {
        "content": list(_blocks(said.get("thinking"), text, calls, row.id)),
        "stop_reason": stop_reason(row.done_reason, called=bool(calls)),
        "usage": usage(row.prompt_tokens or 0, row.completion_tokens or 0),
    }


def head(job_id: str, *, model: str) -> Json:
    """Write a message that nothing was said in yet."""
    return {
        "id": answer_id("msg_", job_id),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _blocks(
    thinking: str | None, text: str, calls: Sequence[Json], job_id: str
) -> Iterator[Json]:
    if thinking:
        yield thinking_block(thinking)
    if text:
        yield text_block(text)
    for number, call in enumerate(calls):
        given = call["function"].get("arguments") or {}
        yield tool_use_block(call, job_id, number, given)


def text_block(text: str) -> Json:
    """Write a block of text; without citations, as `null` is not taken by all."""
    return {"type": "text", "text": text}


def thinking_block(thinking: str) -> Json:
    """Write a block of thinking; there is nothing to sign."""
    return {"type": "thinking", "thinking": thinking, "signature": ""}


def tool_use_block(call: Json, job_id: str, number: int, given: Json) -> Json:
    """Write a call of a tool, by its number in the answer."""
    return {
        "type": "tool_use",
        "id": call.get("id") or part_id("toolu_", job_id, number),
        "name": call["function"]["name"],
        "input": given,
    }


def stop_reason(done_reason: str | None, *, called: bool) -> str:
    """Say why the model stopped; Ollama does not tell a stop sequence from an end."""
    if called:
        return "tool_use"
    return "max_tokens" if done_reason == "length" else "end_turn"


def usage(prompt: int, completion: int) -> Json:
    """Count tokens."""
    return {
        "input_tokens": prompt,
        "output_tokens": completion,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    }
