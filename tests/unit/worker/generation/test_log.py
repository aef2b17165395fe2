"""One id can be followed from the caller to the end of each attempt."""

from typing import Any

import pytest
from structlog.contextvars import get_contextvars, merge_contextvars
from structlog.testing import capture_logs

from backend.core.jobs.states import Kind, State
from tests.factories import MODEL, claimed_job, due_job
from tests.unit.worker.generation.test_embed import Bench, answer_all, job
from tests.unit.worker.test_reconciler import NodeBench
from worker.generation.reply import Reply
from worker.holdings import AbortReason, Holding
from worker.ollama.abort import ExchangeAbortedError
from worker.ollama.errors import ContextTooLongError, StalledError


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def holding(bench: Bench) -> Holding:
    job = claimed_job(id="a", attempt=3, request_id="r", deadline_ms=60_000)
    return bench.holdings.hold(job)


def finished(logs: list[Any]) -> list[Any]:
    return [line for line in logs if line["event"] == "job_finished"]


def test_an_ended_attempt_is_one_line(bench: Bench, holding: Holding) -> None:
    holding.claimed_at -= 2
    with capture_logs() as logs:
        bench.settler.succeeded(holding, Reply({}, None, None, None, {}))

    (line,) = finished(logs)
    assert 2_000 <= line.pop("milliseconds") < 10_000
    assert line == {
        "event": "job_finished",
        "log_level": "info",
        "job_id": "a",
        "request_id": "r",
        "kind": Kind.CHAT,
        "model": MODEL,
        "state": State.SUCCEEDED,
        "attempt": 3,
    }


@pytest.mark.parametrize(
    ("error", "state"),
    [(ContextTooLongError(), State.FAILED), (StalledError(), State.QUEUED)],
)
def test_a_failed_attempt_is_one_line_with_what_became_of_its_job(
    bench: Bench, holding: Holding, error: Any, state: State
) -> None:
    with capture_logs() as logs:
        bench.settler.failed(holding, error)

    assert [line["state"] for line in finished(logs)] == [state]


def test_an_attempt_that_is_anothers_has_no_such_line(
    bench: Bench, holding: Holding
) -> None:
    bench.finish.superseded.add("a")
    with capture_logs() as logs:
        bench.settler.succeeded(holding, Reply({}, None, None, None, {}))
        bench.settler.aborted(holding, ExchangeAbortedError(AbortReason.SUPERSEDED))

    assert finished(logs) == []


def test_a_joined_call_carries_one_jobs_ids_and_each_end_its_own() -> None:
    first, second = job("a", request_id="r1"), job("b", request_id="r2")
    bench, bound = Bench(), list[Any]()

    def embed(*arguments: Any) -> dict[str, Any]:
        bound.append(get_contextvars())
        return answer_all(*arguments)

    bench.ollama._embed = embed
    with capture_logs(processors=[merge_contextvars]) as logs:
        bench.answer(first, second)

    assert bound == [{"job_id": first.id, "request_id": "r1"}]
    ids = [(line["job_id"], line["request_id"]) for line in finished(logs)]
    assert ids == [(first.id, "r1"), (second.id, "r2")]
    assert get_contextvars() == {}


def test_a_nodes_own_work_carries_its_ids() -> None:
    bench, bound = NodeBench(due_job(id="w", kind=Kind.UNLOAD, request_id="r")), []
    ollama: Any = bench.ollama
    ollama.unload = lambda _: bound.append(get_contextvars())
    bench.reconciler.look()

    assert bound == [{"job_id": "w", "request_id": "r"}]
