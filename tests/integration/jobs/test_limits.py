"""Whoever ends a job settles what its key's limits hold for it."""

from collections.abc import Iterator
from typing import Any

import pytest

from backend.core.jobs.repository.finish import JobFinish
from backend.core.jobs.states import Kind, State
from backend.core.limits.decision import Allowance, Limits, Standing
from backend.core.limits.reservations import tokens_of
from tests.factories import EMBED_MODEL, MODEL, finish_of, new_job
from tests.integration.core.jobs import claim_one
from tests.integration.jobs.chats import chat
from tests.integration.jobs.conftest import MakeStack
from tests.ollama_server import OllamaServer
from tests.servers import RedisServer
from tests.stack import Stack

LIMITS = Allowance(5, Limits(max_concurrency=1_000))
LONG = chat(sim_tokens=2_000, sim_tokens_per_second=20)


@pytest.fixture(scope="module")
def running(make_stack: MakeStack) -> Iterator[Stack]:
    with make_stack(
        worker_concurrency=8,
        ollama_num_parallel=8,
        circuit_breaker_threshold=1_000,
        retry_base_delay=50,
        retry_max_delay=100,
        limits_interval=500,
    ) as stack:
        stack.start(stack.role("worker"), stack.role("beat"))
        yield stack


@pytest.fixture
def stack(running: Stack) -> Stack:
    """Give the stack with all of its processes up and nothing held."""
    running.start(*(role for role in running.roles if role.is_down()))
    client: Any = running.redis
    client.delete(*client.keys("corral:limits:*"), "none")
    return running


def submit(stack: Stack, **over: Any) -> str:
    """Submit as the API's door does: reserved, then committed."""
    job = new_job(limits_id=LIMITS.lineage_id, **over)
    assert stack.reservations.reserve(LIMITS, {job.id: job.cost}).hindrance is None
    return stack.service.submit(job).job_id


def standing(stack: Stack) -> Standing:
    return stack.reservations.standing(LIMITS.subjects[0])


def at_rest(stack: Stack) -> Standing:
    """Wait until nothing is held: the database tells of an end before Redis does."""
    stack.until(lambda: standing(stack).places == 0, 30)
    return standing(stack)


def make_due(stack: Stack) -> None:
    """Let reconciliation look at all that is held."""
    key = "corral:limits:open"
    client: Any = stack.redis
    client.zunionstore(key, {key: 0})


def test_answers_are_charged_with_the_tokens_that_they_took(stack: Stack) -> None:
    ids = [submit(stack, request=chat(sim_tokens=n)) for n in (3, 5, 8)]
    ids += [
        submit(
            stack, kind=Kind.EMBED, model=EMBED_MODEL, request={"input": f"text {n}"}
        )
        for n in range(12)
    ]

    jobs = stack.wait(*ids)

    assert {job.state for job in jobs} == {State.SUCCEEDED}
    taken = sum(map(tokens_of, jobs))
    at = at_rest(stack)
    assert (at.requests, at.reserved) == (15, 0)
    assert at.tokens == at.charged == taken > 16


def test_whoever_hears_of_an_end_may_use_its_place_at_once(stack: Stack) -> None:
    for number in range(20):
        job_id = submit(stack, request=chat(sim_tokens=2))
        key = f"corral:stream:{job_id}"
        last: Any = b"0"
        # As a reader does: until `end` has come.
        while True:
            told: Any = stack.redis.xread({key: last}, block=5_000)
            entries = told[0][1]
            last = entries[-1][0]
            if any(fields[b"e"] == b"end" for _, fields in entries):
                break

        assert standing(stack).places == 0, number


def test_a_retried_job_holds_its_place_until_it_has_ended(
    stack: Stack, ollama: OllamaServer
) -> None:
    ollama.set_fault(MODEL, "drop", after_tokens=3, count=1)
    job_id = submit(stack, request=chat(sim_tokens=60, sim_tokens_per_second=60))
    stack.until(lambda: stack.job(job_id).attempt == 2)
    held = standing(stack).places

    (job,) = stack.wait(job_id)

    assert held == 1
    assert at_rest(stack).charged == tokens_of(job)


def test_what_fails_at_once_or_for_good_gives_back_what_it_held(
    stack: Stack, ollama: OllamaServer
) -> None:
    mistaken = submit(stack, request=chat() | {"format": "nonsense"})
    stack.wait(mistaken)
    ollama.set_fault(MODEL, "drop", after_tokens=3, count=4)
    spent = submit(stack, request=chat(sim_tokens=20))

    jobs = stack.wait(mistaken, spent)

    assert {job.state for job in jobs} == {State.FAILED}
    assert [stack.job(one).failures for one in (mistaken, spent)] == [0, 4]
    assert at_rest(stack).reserved == 0


def test_what_is_cancelled_gives_back_what_it_held(stack: Stack) -> None:
    running = submit(stack, request=LONG)
    stack.wait_until_running(running)
    queued = submit(stack, model="nobody:serves", request=LONG)
    for job_id in (queued, running):
        stack.cancel(job_id)

    jobs = stack.wait(queued, running)

    assert {job.state for job in jobs} == {State.CANCELLED}
    at = at_rest(stack)
    assert (at.reserved, at.requests) == (0, 2)


def test_what_waited_too_long_gives_back_what_it_held(stack: Stack) -> None:
    job_id = submit(stack, model="nobody:serves", queue_ms=500)

    (job,) = stack.wait(job_id)

    assert job.state is State.EXPIRED
    assert at_rest(stack).reserved == 0


def test_a_killed_workers_job_is_held_for_until_another_has_ended_it(
    stack: Stack,
) -> None:
    job_id = submit(stack, request=chat(sim_tokens=100, sim_tokens_per_second=50))
    stack.wait_until_running(job_id)
    worker = next(role for role in stack.roles if role.role == "worker")
    worker.kill()
    make_due(stack)
    stack.until(lambda: stack.job(job_id).state is State.QUEUED)
    held = standing(stack).places
    stack.start(worker)

    (job,) = stack.wait(job_id)

    assert (held, job.attempt) == (1, 2)
    assert at_rest(stack).charged == tokens_of(job)


def test_an_end_whose_worker_died_before_it_settled_is_settled_by_the_beat(
    stack: Stack,
) -> None:
    job = new_job(model="nobody:serves", limits_id=LIMITS.lineage_id)
    stack.reservations.reserve(LIMITS, {job.id: job.cost})
    claimed = claim_one(stack.database, job)
    finish = finish_of(claimed, prompt_tokens=3, completion_tokens=4)
    JobFinish(stack.database)([finish])
    assert standing(stack).places == 1

    make_due(stack)

    assert at_rest(stack).charged == 7


def test_what_ended_while_redis_was_away_is_settled_when_it_is_back(
    stack: Stack, redis_server: RedisServer
) -> None:
    job_id = submit(stack, request=chat(sim_tokens=30, sim_tokens_per_second=30))
    stack.wait_until_running(job_id)
    redis_server.kill()
    try:
        (job,) = stack.wait(job_id)
    finally:
        redis_server.start()
    assert standing(stack).places == 1

    make_due(stack)

    assert at_rest(stack).charged == tokens_of(job)
