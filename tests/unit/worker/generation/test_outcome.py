import orjson
import pytest

from backend.core.jobs.states import ErrorCode, Kind, State
from backend.core.streams.frames import (
    EntryId,
    EventName,
    Frame,
    leaves_result_out,
)
from tests.factories import claimed_job
from worker.generation import outcome
from worker.generation.reply import Reply
from worker.holdings import Holding, Holdings
from worker.ollama.errors import ContextTooLongError, StalledError

LAST = EntryId(1, 9)
LABELS = {"node": "n", "worker": "w"}


@pytest.fixture
def holding() -> Holding:
    return Holdings().hold(claimed_job(failures=1))


def test_an_answer_is_committed_and_told_alike(holding: Holding) -> None:
    holding.first_token_at = holding.claimed_at + 0.25
    reply = Reply({"text": "hi"}, "stop", 3, 4, {"total_ms": 1.0})
    end = outcome.succeeded(holding, reply, last=LAST, **LABELS)

    told = orjson.loads(end.data)
    assert (end.finish.state, told["state"]) == (State.SUCCEEDED, "succeeded")
    assert end.finish.last_event_id == "1-9"
    assert end.finish.result == '{"text":"hi"}'
    assert end.finish.first_token_ms == 250
    assert told["usage"] == {"prompt_tokens": 3, "completion_tokens": 4}
    assert told["timings"]["first_token_ms"] == 250
    assert "result" not in told
    assert end.finish.record.node == "n"


def test_the_vectors_of_an_embedding_are_kept_and_not_told(holding: Holding) -> None:
    reply = Reply({"embeddings": [[1.0]]}, None, 3, None, {})
    end = outcome.succeeded(holding, reply, last=LAST, **LABELS)

    assert end.finish.result == '{"embeddings":[[1.0]]}'
    assert orjson.loads(end.data)["result"] is None
    assert leaves_result_out(Frame(EventName.END, end.data, LAST))
    assert end.finish.first_token_ms is None


def test_a_cancel_has_no_error(holding: Holding) -> None:
    end = outcome.ended(holding, State.CANCELLED, last=LAST, **LABELS)

    assert (end.finish.error, end.finish.error_code) == (None, None)
    assert end.finish.record.outcome == "cancelled"
    assert orjson.loads(end.data)["error"] is None


def test_what_was_received_before_the_end_is_counted_and_told(holding: Holding) -> None:
    holding.tokens = 7
    end = outcome.ended(holding, State.CANCELLED, last=LAST, **LABELS)

    # The prompt's are unknown: Ollama tells them only with a whole answer.
    assert (end.finish.prompt_tokens, end.finish.completion_tokens) == (None, 7)
    assert orjson.loads(end.data)["usage"] == {
        "prompt_tokens": None,
        "completion_tokens": 7,
    }


@pytest.mark.parametrize(
    ("kind", "received"), [(Kind.GENERATE, 0), (Kind.EMBED, None), (Kind.PULL, None)]
)
def test_only_what_generates_has_tokens_to_count(
    kind: Kind, received: int | None
) -> None:
    holding = Holdings().hold(claimed_job(kind=kind))
    end = outcome.ended(holding, State.CANCELLED, last=LAST, **LABELS)

    assert end.finish.completion_tokens == received


def test_a_failure_says_what_to_do(holding: Holding) -> None:
    error = outcome.error_of(holding, StalledError("silence"))
    end = outcome.ended(holding, State.FAILED, last=LAST, error=error, **LABELS)

    assert end.finish.error_code is ErrorCode.STALLED
    assert end.finish.record.outcome == "stalled"
    assert orjson.loads(end.data)["error"] == {
        "code": "stalled",
        "message": "silence",
        "attempts": 2,
        "retryable": True,
        "advice": StalledError.advice,
    }


def test_a_prompt_that_is_too_long_is_told_the_limit_where_it_is_known(
    holding: Holding,
) -> None:
    error = ContextTooLongError("too long")

    told = outcome.error_of(holding, error, context=2_048)
    untold = outcome.error_of(holding, error)
    other = outcome.error_of(holding, StalledError(), context=2_048)

    assert told["code"] == "context_length_exceeded"
    assert told["advice"].endswith("It runs with a context of 2048 tokens here.")
    assert untold["advice"] == ContextTooLongError.advice
    assert other["advice"] == StalledError.advice


@pytest.mark.parametrize(
    ("costs", "recorded"), [(1, "deadline_exceeded"), (0, "handed_back")]
)
def test_a_hand_back_is_recorded_as_what_it_is(
    holding: Holding, costs: int, recorded: str
) -> None:
    holding.tokens = 3
    back = outcome.handed_back(
        holding,
        costs=costs,
        delay_ms=5,
        error=outcome.deadline_error(holding),
        **LABELS,
    )

    assert (back.costs, back.delay_ms) == (costs, 5)
    assert back.completion_tokens == 3
    assert back.reason is ErrorCode.DEADLINE_EXCEEDED
    assert back.record.outcome == recorded
    assert orjson.loads(back.error)["attempts"] == 2
