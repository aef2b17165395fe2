"""A chat's answer as OpenAI tells it (pure).

What a model thinks stands in `reasoning_content`, beside `content`: OpenAI has no field
for it, this one is read by most clients (DeepSeek's, vLLM's, LiteLLM, LangChain), and
OpenAI's own keep it in `model_extra`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from backend.api.calls.ids import answer_id, made_at, part_id
from backend.api.calls.relay import ToolCall
from backend.api.calls.tooling import Tooling
from backend.core.jobs.records import JobRecord

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a request decides how its answer is told."""

    model: str
    tools: Tooling
    logprobs: bool = False
    usage: bool = False


def completion_id(job_id: str) -> str:
    """Name a completion after its job."""
    return answer_id("chatcmpl-", job_id)


def completion(rows: Sequence[JobRecord], wanted: Wanted) -> Json:
    """Write the whole answer, one choice for each job.

    Raises:
        AppError: If a tool had to be called, and was not.
    """
    first = rows[0]
    return {
        "id": completion_id(first.id),
        "object": "chat.completion",
        "created": made_at(first.id),
        "model": wanted.model,
        "choices": [_choice(index, row, wanted) for index, row in enumerate(rows)],
        "usage": usage(
            sum(row.prompt_tokens or 0 for row in rows),
            sum(row.completion_tokens or 0 for row in rows),
            thought=any(row.result["message"].get("thinking") for row in rows),
        ),
        "system_fingerprint": None,
    }


def _choice(index: int, row: JobRecord, wanted: Wanted) -> Json:
    said = row.result["message"]
    text, calls = wanted.tools.settled(
        said["content"], said.get("tool_calls") or [], row.done_reason
    )
    message: Json = {"role": "assistant", "content": text, "refusal": None}
    if calls:
        message["content"] = text or None
        message["tool_calls"] = [
            tool_call(call, row.id, number) for number, call in enumerate(calls)
        ]
    if said.get("thinking"):
        message["reasoning_content"] = said["thinking"]
    known = row.result.get("logprobs") if wanted.logprobs and not calls else None
    return {
        "index": index,
        "message": message,
        "logprobs": logprobs(known),
        "finish_reason": finish_reason(row.done_reason, called=bool(calls)),
    }


def finish_reason(done_reason: str | None, *, called: bool) -> str:
    """Say why the model stopped."""
    if called:
        return "tool_calls"
    return "length" if done_reason == "length" else "stop"


def tool_call(call: ToolCall, job_id: str, number: int) -> Json:
    """Write a tool call: its arguments are JSON in a text."""
    function = call["function"]
    return {
        "id": call.get("id") or part_id("call_", job_id, number),
        "type": "function",
        "function": {
            "name": function["name"],
            "arguments": orjson.dumps(function.get("arguments") or {}).decode(),
        },
    }


def logprobs(known: Sequence[Json] | None) -> Json | None:
    """Write how likely the tokens were."""
    if not known:
        return None
    content = [
        _token(one) | {"top_logprobs": list(map(_token, one.get("top_logprobs", ())))}
        for one in known
    ]
    return {"content": content, "refusal": None}


def _token(one: Json) -> Json:
    return {
        "token": one["token"],
        "logprob": one["logprob"],
        "bytes": one.get("bytes"),
    }


def usage(prompt: int, completion: int, *, thought: bool) -> Json:
    """Count tokens; how many of them were thoughts Ollama does not say."""
    counts: Json = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    if not thought:
        counts["completion_tokens_details"] = {"reasoning_tokens": 0}
    return counts
