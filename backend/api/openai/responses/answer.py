"""A response as OpenAI tells it, at any time of its life (pure)."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from backend.api.calls.failure import JobCancelledError, failure
from backend.api.calls.ids import made_at
from backend.api.calls.tooling import Tooling
from backend.api.openai.responses.ids import response_id
from backend.api.openai.responses.items import (
    COMPLETED,
    IN_PROGRESS,
    INCOMPLETE,
    function_call,
    message,
    of_text,
    output_text,
    reasoning,
)
from backend.api.openai.responses.tooling import tooling_of
from backend.api.openai.schemas.responses import ResponseCreateParams
from backend.core.errors import AppError
from backend.core.jobs.records import JobRecord
from backend.core.jobs.states import State

Json = dict[str, Any]
QUEUED, FAILED, CANCELLED = "queued", "failed", "cancelled"
_STATUSES = {State.QUEUED: QUEUED, State.RUNNING: IN_PROGRESS}


def response(row: JobRecord, body: ResponseCreateParams) -> Json:
    """Write a response as its job stands."""
    if row.state in _STATUSES:
        return unanswered(row.id, body, status=_STATUSES[row.state])
    told = head(row.id, body)
    error = failure(row.state, row.error)
    if error is None:
        try:
            output = answer_items(row, tooling_of(body))
        except AppError as unmet:
            error = unmet
    if error is not None:
        return told | ended_badly(error, [])
    return told | ended(
        output,
        row.done_reason,
        finished_at=None if row.finished_at is None else row.finished_at.timestamp(),
        used=usage(row.prompt_tokens or 0, row.completion_tokens or 0),
    )


def unanswered(job_id: str, body: ResponseCreateParams, *, status: str) -> Json:
    """Write a response whose model has not said all."""
    return head(job_id, body) | _state(status)


def ended(
    output: Sequence[Json],
    done_reason: str | None,
    *,
    finished_at: float | None,
    used: Json,
) -> Json:
    """Write what is true of a response that was answered."""
    if done_reason == "length":
        told = _state(INCOMPLETE, output)
        told["incomplete_details"] = {"reason": "max_output_tokens"}
    else:
        told = _state(COMPLETED, output)
        told["completed_at"] = None if finished_at is None else int(finished_at)
    return told | {"usage": used}


def ended_badly(error: AppError, output: Sequence[Json]) -> Json:
    """Write what is true of a response that has no answer, or not all of it."""
    if isinstance(error, JobCancelledError):
        return _state(CANCELLED, output)
    told = {"code": _error_code(error), "message": error.detail}
    return _state(FAILED, output) | {"error": told}


def usage(prompt: int, completion: int) -> Json:
    """Count tokens; what was cached, and how many were thoughts, Ollama never says."""
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": prompt + completion,
    }


def answer_items(row: JobRecord, tools: Tooling) -> list[Json]:
    """Write what the model thought, said and called.

    Raises:
        AppError: If a tool had to be called, and was not.
    """
    said, items = row.result["message"], []
    text, calls = tools.settled(
        said["content"], said.get("tool_calls") or [], row.done_reason
    )
    cut = INCOMPLETE if row.done_reason == "length" else COMPLETED
    if thought := said.get("thinking"):
        going_on = cut if not text and not calls else COMPLETED
        items.append(reasoning(row.id, 0, thought, status=going_on))
    if text:
        known = of_text(row.result.get("logprobs") or (), text)
        items.append(message(row.id, output_text(text, known), status=cut))
    return items + [
        function_call(row.id, number, call) for number, call in enumerate(calls)
    ]


def _state(status: str, output: Sequence[Json] = ()) -> Json:
    return {
        "status": status,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "output": list(output),
        "usage": None,
    }


def _error_code(error: AppError) -> str:
    """Give the nearest of the codes that OpenAI has for this."""
    is_mistake = error.status == HTTPStatus.BAD_REQUEST
    return "invalid_prompt" if is_mistake else "server_error"


def head(job_id: str, body: ResponseCreateParams) -> Json:
    """Write what is true of a response from its beginning."""
    effort = body.reasoning.effort if body.reasoning else None
    return {
        "id": response_id(job_id),
        "object": "response",
        "created_at": made_at(job_id),
        "model": body.model,
        "background": bool(body.background),
        "instructions": body.instructions,
        "max_output_tokens": body.max_output_tokens,
        "max_tool_calls": None,
        "metadata": body.metadata or {},
        "parallel_tool_calls": body.parallel_tool_calls is not False,
        "previous_response_id": body.previous_response_id,
        "prompt_cache_key": body.prompt_cache_key,
        "reasoning": {"effort": effort, "summary": None},
        "safety_identifier": body.safety_identifier,
        "store": body.stored,
        "temperature": body.temperature,
        "text": {"format": _format(body)},
        "tool_choice": _tool_choice(body),
        "tools": [_tool(tool.model_dump()) for tool in body.tools or ()],
        "top_logprobs": body.top_logprobs or 0,
        "top_p": body.top_p,
        "truncation": "disabled",
        "user": body.user,
    }


def _format(body: ResponseCreateParams) -> Json:
    if body.text is None or body.text.format is None:
        return {"type": "text"}
    return body.text.format.model_dump(by_alias=True)


def _tool_choice(body: ResponseCreateParams) -> Any:  # a word, or an object
    choice = body.tool_choice or "auto"
    return choice if isinstance(choice, str) else choice.model_dump()


def _tool(tool: Json) -> Json:
    return tool | {"strict": bool(tool["strict"])}
