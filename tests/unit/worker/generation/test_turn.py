"""JOBS.md 12 to 15: what a ticket is for."""

from dataclasses import replace
from typing import Any

import pytest
import redis

from backend.core.errors import DatabaseUnavailableError
from backend.core.jobs.records import Due
from backend.core.jobs.states import Kind
from backend.core.queue import hint
from tests.factories import EMBED_MODEL, MODEL, due_job
from tests.unit.worker.generation.turn_bench import Bench, jobs
from worker.generation import turn as turn_module
from worker.resilience.breaker_store import Admission

EMBEDDING = b'{"input":"a text"}'
PROBE = Admission(is_allowed=True, is_probe=True)


def test_a_turn_answers_all_that_is_due_then_lingers_and_frees() -> None:
    bench = Bench(*jobs(3))
    bench.take()

    assert bench.answerer.answered == ["j0", "j1", "j2"]
    assert bench.wake.lingered == len(turn_module._LINGERS)
    assert len(bench.wake.freed) == 1
    assert bench.holdings.slots() == []
    assert bench.sent == []


def test_a_slot_has_a_name_of_its_own() -> None:
    bench = Bench()
    bench.take()
    bench.take()

    assert [slot.holder for slot in bench.wake.freed] == ["me:1", "me:2"]


def test_a_turn_that_is_over_sends_one_ticket() -> None:
    bench = Bench(*jobs(5), worker_turn_jobs=2)
    bench.take()

    assert bench.answerer.answered == ["j0", "j1"]
    assert bench.sent == [MODEL]


def test_a_turn_whose_time_is_over_sends_one_ticket() -> None:
    bench = Bench(*jobs(5), worker_turn_time=0)
    bench.take()

    assert bench.answerer.answered == ["j0"]
    assert bench.sent == [MODEL]


def test_a_turn_without_a_job_whose_time_is_over_sends_none() -> None:
    bench = Bench(worker_turn_time=0)
    bench.take()

    assert bench.sent == []


@pytest.mark.parametrize(
    ("concurrency", "others", "answered"),
    [
        (1, True, 1),
        (5, True, 3),
        (1, False, 3),
        (1, redis.ConnectionError(), 3),
    ],
)
def test_a_turn_ends_sooner_when_another_model_needs_the_thread(
    concurrency: int, others: Any, answered: int
) -> None:
    bench = Bench(*jobs(3), worker_concurrency=concurrency)
    bench.wake.others = others
    bench.take()

    assert len(bench.answerer.answered) == answered


def test_after_a_failure_of_the_node_only_a_new_turn_goes_on() -> None:
    bench = Bench(*jobs(3))
    bench.answerer.then = lambda _: False
    bench.take()

    assert bench.answerer.answered == ["j0"]
    assert bench.sent == [MODEL]


def test_a_turn_that_ends_by_an_exception_sends_one_ticket() -> None:
    bench = Bench(*jobs(1))
    bench.claim.outages = [True]

    with pytest.raises(DatabaseUnavailableError):
        bench.take()
    assert bench.sent == [MODEL]
    assert len(bench.wake.freed) == 1
    assert bench.turns._busy == 0


@pytest.mark.parametrize(("taken", "sent"), [(0, []), (2, [MODEL])])
def test_a_ticket_without_a_slot_is_passed_or_sent_on(
    taken: int, sent: list[str]
) -> None:
    bench = Bench(*jobs(1))
    bench.wake.taken = [taken]
    bench.take()

    assert bench.answerer.answered == []
    assert bench.sent == sent


def test_a_ticket_at_an_open_breaker_is_done() -> None:
    bench = Bench(*jobs(1))
    bench.breaker.admission = Admission(is_allowed=False)
    bench.take()

    assert bench.answerer.answered == []
    assert bench.sent == []


def test_a_probe_answers_one_job() -> None:
    bench = Bench(*jobs(2))
    bench.breaker.admission = PROBE
    bench.take()

    assert bench.answerer.answered == ["j0"]
    assert bench.sent == [MODEL]


def test_a_load_is_answered_and_proves_nothing_of_generation() -> None:
    bench = Bench(*jobs(1, kind=Kind.LOAD))
    bench.breaker.admission = PROBE
    bench.take()

    assert bench.answerer.answered == ["j0"]
    assert bench.breaker.told == ["nothing"]


@pytest.mark.parametrize("taken", [0, 1])
def test_a_probe_that_finds_no_slot_or_job_is_given_back(taken: int) -> None:
    bench = Bench()
    bench.wake.taken = [taken]
    bench.breaker.admission = PROBE
    bench.take()

    assert bench.breaker.told == ["nothing"]


@pytest.mark.parametrize("fails", ["slot", "claim", "answer"])
def test_a_probe_whose_turn_fails_is_given_back(fails: str) -> None:
    bench = Bench(*jobs(1))
    bench.breaker.admission = PROBE
    if fails == "slot":
        bench.wake.taken = [redis.ConnectionError()]
    elif fails == "claim":
        bench.claim.outages = [True]
    else:
        bench.answerer.then = lambda _: {}["no such answer"]

    with pytest.raises((redis.RedisError, DatabaseUnavailableError, KeyError)):
        bench.take()
    assert bench.breaker.told == ["nothing"]


def test_rule_12_an_embedding_models_jobs_are_answered_several_in_a_call() -> None:
    bench = Bench(*jobs(5, kind=Kind.EMBED, model=EMBED_MODEL, request=EMBEDDING))
    bench.take(EMBED_MODEL)

    assert bench.embedder.calls == [["j0", "j1", "j2"], ["j3", "j4"]]
    assert bench.answerer.answered == []


def test_rule_12_after_its_first_embedding_a_chat_models_are_joined_too() -> None:
    embeds = jobs(4, kind=Kind.EMBED, request=EMBEDDING)
    bench = Bench(*embeds, due_job(id="chat"), due_job(id="another"))
    bench.take()

    assert bench.embedder.calls == [["j0"], ["j1", "j2", "j3"]]
    assert bench.answerer.answered == ["chat", "another"]


def arrive_as_it_lingers(bench: Bench, *late: Due) -> None:
    """Let jobs come, the first of them with a hint, while a slot lingers."""
    linger = bench.wake.linger

    def arrive(*_: Any, **__: Any) -> bytes:
        bench.claim.due += late
        bench.wake.linger = linger  # type: ignore[method-assign]  # once
        return hint(late[0])

    bench.wake.linger = arrive  # type: ignore[method-assign]  # to see it


def test_rule_13_a_hinted_embedding_is_claimed_without_a_look() -> None:
    bench, looks = Bench(), list[int]()
    late = jobs(2, kind=Kind.EMBED, model=EMBED_MODEL, request=EMBEDDING)
    arrive_as_it_lingers(bench, *late)
    bench.embedder.then = lambda _: looks.append(bench.claim.looks) or True
    bench.take(EMBED_MODEL)

    assert bench.embedder.calls == [["j0"], ["j1"]]
    assert looks == [1, 2]


def test_rule_12_a_hinted_embedding_goes_with_others_where_several_did_before() -> None:
    early = jobs(2, kind=Kind.EMBED, model=EMBED_MODEL, request=EMBEDDING)
    late = [replace(job, id=f"late {job.id}") for job in early]
    bench = Bench(*early)
    arrive_as_it_lingers(bench, *late)
    bench.take(EMBED_MODEL)

    assert bench.embedder.calls == [["j0", "j1"], ["late j0", "late j1"]]


def test_a_turns_jobs_are_counted_not_its_calls() -> None:
    embeds = jobs(7, kind=Kind.EMBED, model=EMBED_MODEL, request=EMBEDDING)
    bench = Bench(*embeds, worker_turn_jobs=4)
    bench.take(EMBED_MODEL)

    assert bench.embedder.calls == [["j0", "j1", "j2"], ["j3", "j4", "j5"]]
    assert bench.sent == [EMBED_MODEL]


def test_rule_24_nothing_is_claimed_once_the_drain_has_begun() -> None:
    bench = Bench(*jobs(3))
    bench.answerer.then = lambda _: not bench.draining.set()
    bench.take()
    bench.take()

    assert bench.answerer.answered == ["j0"]
    assert bench.wake.lingered == 0


def test_rule_24_a_job_claimed_as_the_drain_began_is_given_back() -> None:
    bench = Bench(*jobs(1))
    bench.breaker.admission = PROBE
    take = bench.claim.take

    def claim(due: Any) -> Any:
        bench.draining.set()
        return take(due)

    bench.claim.take = claim  # type: ignore[method-assign]  # the drain begins here
    bench.take()

    assert bench.answerer.given_back == ["j0"]
    assert bench.breaker.told == ["nothing"]
