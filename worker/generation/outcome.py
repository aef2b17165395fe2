"""How an attempt ends: what is committed and what readers are told (pure).

An answer, a cancel, a deadline or a mistake ends the job; a retryable failure or a
drain hands it back, and the database decides in that UPDATE whether it may go back.
"""

from typing import Any

import orjson

from backend.core.jobs.errors import error_data, platform_error
from backend.core.jobs.records import AttemptRecord, Finish, Handback
from backend.core.jobs.states import ErrorCode, Kind, State
from backend.core.streams.frames import EntryId, end_data
from worker.generation.ledger import End
from worker.generation.reply import Reply
from worker.holdings import Holding
from worker.ollama.errors import ContextTooLongError, OllamaError

_GENERATES = frozenset({Kind.CHAT, Kind.GENERATE})


def succeeded(
    holding: Holding, reply: Reply, *, last: EntryId, node: str, worker: str
) -> End:
    """End a job with its answer."""
    timings = timings_of(holding, reply.durations)
    data = end_data(
        holding.job.id,
        State.SUCCEEDED,
        done_reason=reply.done_reason,
        usage={
            "prompt_tokens": reply.prompt_tokens,
            "completion_tokens": reply.completion_tokens,
        },
        timings=timings,
        served_model=holding.job.model,
        # A stream is kept in memory for minutes after its end; vectors are not.
        is_stored="embeddings" in reply.result,
    )
    text = orjson.dumps(timings).decode()
    finish = Finish(
        id=holding.job.id,
        attempt=holding.job.attempt,
        token=holding.job.token,
        state=State.SUCCEEDED,
        record=_record(
            holding, State.SUCCEEDED, node=node, worker=worker, timings=text
        ),
        last_event_id=str(last),
        served_model=holding.job.model,
        result=orjson.dumps(reply.result).decode(),
        done_reason=reply.done_reason,
        timings=text,
        first_token_ms=holding.first_token_ms,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
    )
    return End(finish, holding.stream, data, holding.job.limits_id)


def ended(
    holding: Holding,
    state: State,
    *,
    last: EntryId,
    node: str,
    worker: str,
    error: dict[str, Any] | None = None,
) -> End:
    """End a job without an answer: failed, cancelled or expired.

    Prompt tokens stay unknown: Ollama tells them only with a whole answer.
    """
    timings = timings_of(holding, {})
    received = received_tokens(holding)
    outcome = error["code"] if error else state.value
    finish = Finish(
        id=holding.job.id,
        attempt=holding.job.attempt,
        token=holding.job.token,
        state=state,
        record=_record(holding, outcome, node=node, worker=worker, timings=None),
        last_event_id=str(last),
        timings=orjson.dumps(timings).decode(),
        error_code=ErrorCode(error["code"]) if error else None,
        error=orjson.dumps(error).decode() if error else None,
        first_token_ms=holding.first_token_ms,
        completion_tokens=received,
    )
    data = end_data(
        holding.job.id,
        state,
        usage={"prompt_tokens": None, "completion_tokens": received},
        timings=timings,
        error=error,
    )
    return End(finish, holding.stream, data, holding.job.limits_id)


def handed_back(
    holding: Holding,
    *,
    costs: int,
    delay_ms: int,
    error: dict[str, Any],
    node: str,
    worker: str,
) -> Handback:
    """Give a job back; `error` is what it fails with if the budget is spent."""
    return Handback(
        id=holding.job.id,
        attempt=holding.job.attempt,
        failures=holding.job.failures,
        costs=costs,
        delay_ms=delay_ms,
        reason=ErrorCode(error["code"]),
        error=orjson.dumps(error).decode(),
        record=_record(
            holding,
            error["code"] if costs else "handed_back",
            node=node,
            worker=worker,
            timings=None,
        ),
        completion_tokens=received_tokens(holding),
    )


def received_tokens(holding: Holding) -> int | None:
    """Tell how many tokens an attempt received; None for what generates none."""
    return holding.tokens if holding.job.kind in _GENERATES else None


def error_of(
    holding: Holding, error: OllamaError, *, context: int | None = None
) -> dict[str, Any]:
    """Write an upstream error as the job's own; `context` is the model's, if known."""
    advice = error.advice
    if context is not None and isinstance(error, ContextTooLongError):
        advice += f" It runs with a context of {context} tokens here."
    return error_data(
        error.code,
        message=error.detail,
        attempts=holding.job.failures + 1,
        retryable=error.retryable,
        advice=advice,
    )


def deadline_error(holding: Holding) -> dict[str, Any]:
    """Write the error of a job whose own deadline passed."""
    counted = holding.job.failures + 1
    return platform_error(ErrorCode.DEADLINE_EXCEEDED, attempts=counted)


def timings_of(holding: Holding, durations: dict[str, Any]) -> dict[str, Any]:
    """Put the times of an attempt together, in milliseconds since its claim."""
    return {
        **durations,
        "first_token_ms": holding.first_token_ms,
        "attempt_ms": round(holding.age_seconds * 1000, 1),
    }


def _record(
    holding: Holding, outcome: str, *, node: str, worker: str, timings: str | None
) -> AttemptRecord:
    return AttemptRecord(
        outcome=outcome,
        node=node,
        worker=worker,
        model=holding.job.model,
        model_digest=holding.model_digest,
        options=holding.options,
        timings=timings,
    )
