"""The items of a response's output (pure).

What a model thinks is told as the `summary` of a reasoning item. It is no summary, but
that is where clients look: OpenAI's own models tell nothing else, so LangChain reads
only this, and those that read `reasoning_text` read it as well.
"""

from collections.abc import Sequence
from typing import Any

from backend.api.calls.ids import part_id
from backend.api.calls.relay import ToolCall
from backend.api.openai.chat_answer import logprobs as told_logprobs
from backend.api.openai.chat_answer import tool_call

Json = dict[str, Any]
COMPLETED, INCOMPLETE, IN_PROGRESS = "completed", "incomplete", "in_progress"


def reasoning(
    job_id: str, number: int, text: str | None, *, status: str = COMPLETED
) -> Json:
    """Write thoughts; None if there are none yet."""
    return {
        "id": part_id("rs_", job_id, number),
        "type": "reasoning",
        "summary": [] if text is None else [summary(text)],
        "status": status,
    }


def summary(text: str) -> Json:
    """Write the part of a reasoning item."""
    return {"type": "summary_text", "text": text}


def message(job_id: str, part: Json | None, *, status: str = COMPLETED) -> Json:
    """Write what was said; None if that is nothing yet."""
    return {
        "id": part_id("msg_", job_id, 0),
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": [] if part is None else [part],
    }


def output_text(text: str, known: Sequence[Json] = ()) -> Json:
    """Write the part of a message."""
    return {
        "type": "output_text",
        "text": text,
        "annotations": [],
        "logprobs": logprobs(known),
    }


def logprobs(known: Sequence[Json]) -> list[Json]:
    """Write how likely the tokens were."""
    told = told_logprobs(known)
    return [] if told is None else [_with_bytes(one) for one in told["content"]]


def _with_bytes(one: Json) -> Json:
    # A list for those who read it as one: Ollama leaves it out where there is none.
    given = {**one, "bytes": one["bytes"] or []}
    if "top_logprobs" in one:
        given["top_logprobs"] = list(map(_with_bytes, one["top_logprobs"]))
    return given


def of_text(known: Sequence[Json], text: str) -> Sequence[Json]:
    """Leave out the probabilities of thoughts, which come before those of a text."""
    left, first = text, len(known)
    for index in reversed(range(len(known))):
        token = known[index]["token"]
        if token and left.endswith(token):
            left, first = left.removesuffix(token), index
        elif first < len(known):
            break
    return known[first:]


def function_call(job_id: str, number: int, call: ToolCall) -> Json:
    """Write a call; its arguments are JSON in a text."""
    told = tool_call(call, job_id, number)
    return {
        "id": part_id("fc_", job_id, number),
        "type": "function_call",
        "call_id": told["id"],
        **told["function"],
        "status": COMPLETED,
    }
