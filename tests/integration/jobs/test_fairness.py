"""JOBS.md 8: one owner floods, another sends one job after the other."""

from typing import Any

import pytest

from backend.core.jobs.states import Priority, State
from tests.integration.jobs.conftest import MakeStack
from tests.ollama_server import OllamaServer
from tests.stack import Stack

FLOOD = 500
FLOODER, OTHER = 1, 2


def request(prompt: str) -> dict[str, Any]:
    options = {"sim_tokens": 2, "sim_tokens_per_second": 40}
    return {"messages": [{"role": "user", "content": prompt}], "options": options}


def started_after(stack: Stack, job_id: str) -> int:
    """Count the flood's jobs that began between a job's submission and its start."""

    def read(cursor: Any) -> int:
        cursor.execute(
            "SELECT COUNT(*) FROM jobs f JOIN jobs o ON o.id=%s WHERE f.owner_id=%s"
            " AND f.started_at>o.created_at AND f.started_at<o.started_at",
            (job_id, FLOODER),
        )
        return int(cursor.rows()[0][0])

    return stack.database.read(read)


@pytest.mark.parametrize("slots", [1, 4])
def test_rule_8_a_flood_makes_nobody_wait_for_more_than_the_jobs_in_slots(
    make_stack: MakeStack, ollama: OllamaServer, slots: int
) -> None:
    settings = {"ollama_num_parallel": slots, "worker_concurrency": slots}
    with make_stack(**settings) as stack:
        stack.start(stack.role("worker"), stack.role("beat"))
        for priority, size in (
            (Priority.LOW, 1),
            (Priority.NORMAL, 1),
            (Priority.HIGH, 1),
            (Priority.NORMAL, 10),
        ):
            flood = stack.submit_many(
                FLOOD,
                owner_id=FLOODER,
                priority=priority,
                request=request("word " * 20 * size),
                cost=100 * size,
            )
            stack.until(lambda ids=flood: stack.unfinished(ids) < FLOOD)
            for _ in range(4):
                job_id = stack.submit(
                    owner_id=OTHER, priority=priority, request=request("Hello")
                )
                (job,) = stack.wait(job_id)

                assert job.state is State.SUCCEEDED
                # Each slot may have claimed its next job in the same instant.
                assert started_after(stack, job_id) <= slots
            assert stack.unfinished(flood) > 100
            clear(stack)


def clear(stack: Stack) -> None:
    """End what still waits, and wait for what runs."""
    stack.database.read(
        lambda c: c.execute("UPDATE jobs SET state='cancelled' WHERE state='queued'")
    )

    def running(cursor: Any) -> bool:
        cursor.execute("SELECT COUNT(*) FROM jobs WHERE state='running'")
        return bool(cursor.rows()[0][0])

    stack.until(lambda: not stack.database.read(running))


def test_rule_8_low_jobs_finish_under_a_constant_stream_of_high_ones(
    make_stack: MakeStack,
) -> None:
    settings = {
        "ollama_num_parallel": 1,
        "worker_concurrency": 2,
        "priority_head_start": 1_000,
    }
    with make_stack(**settings) as stack:
        stack.start(stack.role("worker"), stack.role("beat"))
        high = {"owner_id": FLOODER, "priority": Priority.HIGH, "cost": 100}
        sent = stack.submit_many(10, request=request("x"), **high)
        low = stack.submit(owner_id=OTHER, priority=Priority.LOW, request=request("x"))
        while stack.unfinished([low]):
            # There are always some of them in front of the workers.
            while stack.query.queued_count(10) < 10:
                sent.append(stack.submit(request=request("x"), **high))

            assert len(sent) < 500
        assert stack.job(low).state is State.SUCCEEDED
        clear(stack)
