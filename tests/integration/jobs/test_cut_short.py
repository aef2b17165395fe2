"""Jobs that are cut short: cancelled, or out of time."""

import time

from backend.core.jobs.states import State
from tests.factories import MODEL
from tests.integration.jobs.chats import SLOW, chat
from tests.ollama_server import OllamaServer
from tests.stack import Stack


def is_closed(ollama: OllamaServer, since: int) -> bool:
    return any(r["state"] == "client_closed" for r in ollama.requests()[since:])


def test_rule_22_a_cancel_in_mid_stream_closes_the_socket_within_a_second(
    stack: Stack, ollama: OllamaServer
) -> None:
    since = len(ollama.requests())
    job_id = stack.submit(request=SLOW)
    stack.until(lambda: bool(stack.redis.exists(f"corral:stream:{job_id}")))
    began = time.time()

    stack.cancel(job_id)

    (job,) = stack.wait(job_id)
    (request,) = [r for r in ollama.requests()[since:] if r["state"] == "client_closed"]
    assert job.state is State.CANCELLED
    assert request["closed_at"] - began < 1


def test_rule_22_a_cancel_before_the_head_closes_the_socket_within_a_second(
    stack: Stack, ollama: OllamaServer
) -> None:
    since = len(ollama.requests())
    ollama.set_fault(MODEL, "hang", after_tokens=0, count=1)
    job_id = stack.submit(request=chat())
    stack.until(lambda: any(r["state"] == "open" for r in ollama.requests()[since:]))
    stack.wait_until_running(job_id)
    began = time.time()

    stack.cancel(job_id)

    (job,) = stack.wait(job_id)
    (request,) = [r for r in ollama.requests()[since:] if r["state"] == "client_closed"]
    assert job.state is State.CANCELLED
    assert request["closed_at"] - began < 1


def test_rule_22_a_cancel_on_a_reused_connection_closes_it_within_a_second(
    stack: Stack, ollama: OllamaServer
) -> None:
    for _ in range(3):
        stack.wait(stack.submit(request=chat(sim_tokens=1)))
    before = ollama.stats()["connections"]
    since = len(ollama.requests())
    ollama.set_fault(MODEL, "hang", after_tokens=2, count=1)
    job_id = stack.submit(request=chat())
    stack.until(lambda: any(r["state"] == "open" for r in ollama.requests()[since:]))
    assert ollama.stats()["connections"] == before
    stack.wait_until_running(job_id)
    began = time.time()

    stack.cancel(job_id)

    stack.wait(job_id)
    (request,) = [r for r in ollama.requests()[since:] if r["state"] == "client_closed"]
    assert request["closed_at"] - began < 1


def test_rule_7_without_the_fast_word_the_flag_in_the_row_is_found(
    stack: Stack, ollama: OllamaServer
) -> None:
    since = len(ollama.requests())
    job_id = stack.submit(request=SLOW)
    stack.wait_until_running(job_id)

    stack.transition.cancel(job_id)

    assert stack.wait(job_id)[0].state is State.CANCELLED
    assert is_closed(ollama, since)


def test_a_cancelled_job_in_the_queue_is_never_asked(
    stack: Stack, ollama: OllamaServer
) -> None:
    running = [stack.submit(request=SLOW) for _ in range(4)]
    stack.wait_until_running(*running)
    waiting = stack.submit(request=chat())

    stack.cancel(waiting)
    assert stack.job(waiting).state is State.CANCELLED

    for job_id in running:
        stack.cancel(job_id)
    stack.wait(*running)
    assert stack.attempts([waiting])[waiting] == []


def test_rule_26_the_whole_jobs_deadline_ends_it_as_expired(
    stack: Stack, ollama: OllamaServer
) -> None:
    (job,) = stack.wait(stack.submit(request=SLOW, deadline_ms=1_500))

    assert job.state is State.EXPIRED
    assert (job.error or {})["code"] == "deadline_exceeded"


def test_rule_26_a_job_that_waits_too_long_expires(stack: Stack) -> None:
    job_id = stack.submit(model="nowhere:latest", queue_ms=300)

    (job,) = stack.wait(job_id)

    assert job.state is State.EXPIRED
    assert (job.error or {})["code"] == "queue_timeout"
