"""An answer as Anthropic tells it: a whole message (pure)."""

from collections.abc import Iterator
from typing import Any

from backend.core.jobs.records import JobRecord

Json = dict[str, Any]


def message_id(job_id: str) -> str:
    """Name a message after its job."""
    return f"msg_{job_id}"


def message(row: JobRecord, *, model: str) -> Json:
    """Write the whole answer."""
    said = row.result["message"]
    calls = said.get("tool_calls") or []
    return head(row.id, model=model) | {
        "content": list(_blocks(said, row.id)),
        "stop_reason": stop_reason(row.done_reason, called=bool(calls)),
        "usage": usage(row.prompt_tokens or 0, row.completion_tokens or 0),
    }


def head(job_id: str, *, model: str) -> Json:
    """Write a message that nothing was said in yet."""
    return {
        "id": message_id(job_id),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _blocks(said: Json, job_id: str) -> Iterator[Json]:
    if said.get("thinking"):
        yield thinking_block(said["thinking"])
    if said["content"]:
        yield text_block(said["content"])
    for call in said.get("tool_calls") or ():
        yield tool_use_block(call, job_id, call["function"].get("arguments") or {})


def text_block(text: str) -> Json:
    """Write a block of text."""
    return {"type": "text", "text": text, "citations": None}


def thinking_block(thinking: str) -> Json:
    """Write a block of thinking; there is nothing to sign."""
    return {"type": "thinking", "thinking": thinking, "signature": ""}


def tool_use_block(call: Json, job_id: str, given: Json) -> Json:
    """Write a call of a tool."""
    own = f"toolu_{job_id.replace('-', '')}{call.get('index', 0)}"
    name = call["function"]["name"]
    return {
        "type": "tool_use",
        "id": call.get("id") or own,
        "name": name,
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
