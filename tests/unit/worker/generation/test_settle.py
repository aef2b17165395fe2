"""How attempts end."""

from typing import Any

import orjson
import pytest
from prometheus_client import REGISTRY

from backend.core.jobs.states import NODE_WORK, Kind, State
from backend.core.limits.reservations import Settlement
from tests.factories import claimed_job
from tests.unit.worker.generation.test_embed import Bench
from worker.generation.reply import Reply
from worker.holdings import AbortReason, Holding
from worker.ollama.abort import ExchangeAbortedError
from worker.ollama.errors import (
    AttemptTimeoutError,
    ContextTooLongError,
    LoadTimeoutError,
    RegistryUnreachableError,
    StalledError,
)

REPLY = Reply({"text": "hi"}, "stop", 3, 4, {})


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def holding(bench: Bench) -> Holding:
    return bench.holdings.hold(claimed_job(id="a", deadline_ms=60_000))


def count(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_an_answer_is_committed_and_counted(bench: Bench, holding: Holding) -> None:
    before = count("corral_tokens_total", direction="completion")
    holding.first_token_at = holding.claimed_at
    bench.settler.succeeded(holding, REPLY)

    assert bench.finish.ends["a"].state is State.SUCCEEDED
    assert bench.flusher.ended == ["a"]
    assert bench.breaker.told == ["succeeded"]
    assert count("corral_tokens_total", direction="completion") == before + 4


def large(characters: int) -> Reply:
    return Reply({"embeddings": "x" * characters}, None, 3, None, {})


def test_an_answer_that_the_database_takes_is_kept_however_long_it_is_away(
    bench: Bench, holding: Holding
) -> None:
    bench.ledger._sleep = lambda _: None
    bench.finish.outages = 2
    bench.settler.succeeded(holding, large(900_000))

    assert bench.finish.ends["a"].state is State.SUCCEEDED


def test_an_answer_that_the_database_cannot_take_fails_and_says_what_to_do(
    bench: Bench, holding: Holding
) -> None:
    bench.settler.succeeded(holding, large(1_100_000))

    end = bench.finish.ends["a"]
    assert (end.state, end.result) == (State.FAILED, None)
    error = orjson.loads(end.error or "")
    assert error["code"] == "invalid_upstream_request"
    assert error["advice"] == "Ask for fewer texts in one request."
    assert bench.breaker.told == ["nothing"]


def test_a_large_answer_of_a_superseded_attempt_is_refused(
    bench: Bench, holding: Holding
) -> None:
    bench.holdings.abort([holding], AbortReason.SUPERSEDED)
    bench.settler.succeeded(holding, large(1_100_000))

    assert bench.finish.ends == {}
    assert bench.flusher.dropped == ["a"]


def test_rule_1_a_superseded_answer_is_refused_and_counted(
    bench: Bench, holding: Holding
) -> None:
    before = count("corral_refused_writes_total")
    bench.finish.superseded.add("a")
    bench.settler.succeeded(holding, REPLY)

    assert count("corral_refused_writes_total") == before + 1
    assert bench.flusher.dropped == ["a"]
    assert bench.flusher.ended == []


@pytest.mark.parametrize(
    ("reason", "state", "handed_back"),
    [
        (AbortReason.CANCELLED, State.CANCELLED, 0),
        (AbortReason.DRAIN, None, 1),
        (AbortReason.SUPERSEDED, None, 0),
    ],
)
def test_what_we_cut_off_ends_by_its_reason(
    bench: Bench, holding: Holding, reason: str, state: State | None, handed_back: int
) -> None:
    bench.settler.aborted(holding, ExchangeAbortedError(reason))

    end = bench.finish.ends.get("a")
    assert (end.state if end else None) == state
    assert len(bench.transition.handbacks) == handed_back
    assert bench.breaker.told == ["nothing"]


def test_a_retryable_failure_costs_one_and_waits(
    bench: Bench, holding: Holding
) -> None:
    bench.settler.failed(holding, StalledError())

    (back,) = bench.transition.handbacks
    assert back.costs == 1
    assert 250 <= back.delay_ms <= 500
    assert bench.breaker.told == ["failed"]
    assert bench.models.seen == [f"failing {holding.job.model}"]


def test_a_callers_mistake_ends_the_job_and_counts_for_no_breaker(
    bench: Bench, holding: Holding
) -> None:
    bench.settler.failed(holding, ContextTooLongError())

    assert bench.finish.ends["a"].state is State.FAILED
    assert bench.breaker.told == ["nothing"]


def test_a_failure_that_says_nothing_of_the_node_gives_the_probe_back(
    bench: Bench, holding: Holding
) -> None:
    bench.settler.failed(holding, RegistryUnreachableError())

    assert bench.breaker.told == ["nothing"]
    assert len(bench.transition.handbacks) == 1


@pytest.mark.parametrize("kind", sorted(NODE_WORK))
def test_a_nodes_own_work_tells_the_breaker_nothing(bench: Bench, kind: Kind) -> None:
    holding = bench.holdings.hold(claimed_job(kind=kind, deadline_ms=60_000))
    settler = bench.settler
    settler.succeeded(holding, Reply({}, None, None, None, {}))
    settler.failed(holding, StalledError())
    settler.failed(holding, RegistryUnreachableError())
    settler.aborted(holding, ExchangeAbortedError(AbortReason.CANCELLED))
    holding.claimed_at -= 61
    settler.failed(holding, AttemptTimeoutError())

    assert bench.breaker.told == []


@pytest.mark.parametrize(
    ("kind", "loaded"),
    [(Kind.CHAT, 1), (Kind.LOAD, 1), (Kind.UNLOAD, 0), (Kind.PULL, 0)],
)
def test_only_what_leaves_the_model_in_memory_marks_it_as_loaded(
    bench: Bench, kind: Kind, loaded: int
) -> None:
    holding = bench.holdings.hold(claimed_job(kind=kind))
    bench.settler.succeeded(holding, Reply({}, None, None, None, {}))

    assert len(bench.models.seen) == loaded


@pytest.mark.parametrize("error", [AttemptTimeoutError(), LoadTimeoutError()])
def test_rule_26_a_callers_own_deadline_expires_the_job_and_counts_for_no_breaker(
    bench: Bench, holding: Holding, error: Any
) -> None:
    holding.claimed_at -= 61
    bench.settler.failed(holding, error)

    end = bench.finish.ends["a"]
    assert end.state is State.EXPIRED
    assert orjson.loads(end.error or "")["code"] == "deadline_exceeded"
    assert bench.breaker.told == ["nothing"]


def test_an_attempt_that_took_too_long_before_the_deadline_fails(
    bench: Bench, holding: Holding
) -> None:
    bench.settler.failed(holding, AttemptTimeoutError())

    assert bench.finish.ends["a"].state is State.FAILED


def test_rule_3_a_hand_back_waits_for_the_database(
    bench: Bench, holding: Holding
) -> None:
    bench.ledger._sleep = lambda _: None
    bench.transition.outages = 3
    bench.settler.hand_back(holding)

    (back,) = bench.transition.handbacks
    assert back.costs == 0


def test_rule_2_an_answer_waits_for_the_database_until_it_is_anothers(
    bench: Bench, holding: Holding
) -> None:
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            bench.holdings.abort([holding], AbortReason.SUPERSEDED)

    bench.ledger._sleep = nap
    bench.finish.outages = 2
    bench.settler.succeeded(holding, REPLY)
    assert bench.finish.ends["a"].state is State.SUCCEEDED

    bench.finish.outages = 99
    bench.finish.batches.clear()
    bench.settler.succeeded(holding, REPLY)
    assert bench.finish.ends == {}
    assert len(naps) == 3


def test_a_refused_hand_back_is_counted(bench: Bench, holding: Holding) -> None:
    before = count("corral_refused_writes_total")
    bench.transition.state = None
    bench.settler.hand_back(holding)

    assert count("corral_refused_writes_total") == before + 1


def test_a_hand_back_that_was_the_last_failure_counts_as_an_end(
    bench: Bench, holding: Holding
) -> None:
    labels = {"kind": "chat", "state": "failed"}
    before = count("corral_jobs_finished_total", **labels)
    bench.transition.state = State.FAILED
    bench.settler.failed(holding, StalledError())

    assert count("corral_jobs_finished_total", **labels) == before + 1
    assert [moved.state for moved in bench.reservations.moved] == [State.FAILED]


def test_an_end_knows_whose_limits_hold_for_it(bench: Bench) -> None:
    limited = bench.holdings.hold(claimed_job(id="l", limits_id=5))
    bench.settler.succeeded(limited, REPLY)
    bench.settler.aborted(
        bench.holdings.hold(claimed_job(id="c", limits_id=5)),
        ExchangeAbortedError(AbortReason.CANCELLED),
    )

    assert bench.reservations.settled == [Settlement(5, "l", 7), Settlement(5, "c", 0)]


def test_tokens_of_an_attempt_count_for_its_job_or_as_lost(
    bench: Bench, holding: Holding
) -> None:
    counted = count("corral_tokens_total", direction="completion")
    lost = count("corral_lost_tokens_total")
    holding.tokens = 5
    bench.settler.failed(holding, StalledError())
    assert count("corral_lost_tokens_total") == lost + 5

    bench.transition.state = State.FAILED
    bench.settler.failed(holding, StalledError())
    bench.settler.aborted(holding, ExchangeAbortedError(AbortReason.CANCELLED))

    assert count("corral_tokens_total", direction="completion") == counted + 10
    assert count("corral_lost_tokens_total") == lost + 5


def test_a_job_claimed_when_the_drain_began_is_given_back(bench: Bench) -> None:
    bench.settler.give_back_unbegun(claimed_job(id="b"))

    assert bench.transition.handbacks[0].id == "b"
    assert bench.holdings.jobs() == []
