"""What one worker does with jobs, by JOBS.md's rules, on real stores."""

import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from backend.core.jobs.states import Kind, State
from tests.factories import EMBED_MODEL, MODEL
from tests.integration.jobs.conftest import MakeStack
from tests.ollama_server import OllamaServer
from tests.stack import Role, Stack


@pytest.fixture(scope="module")
def stack(make_stack: MakeStack) -> Iterator[Stack]:
    with make_stack(
        worker_concurrency=8,
        ollama_num_parallel=4,
        circuit_breaker_threshold=1000,
        retry_base_delay=50,
        retry_max_delay=100,
    ) as stack:
        stack.start(stack.role("worker"), stack.role("beat"))
        yield stack


@pytest.fixture
def worker(stack: Stack) -> Role:
    return stack.roles[0]


def chat(text: str = "Hello", **options: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], "options": options}


def generate(prompt: str = "Hello", **options: Any) -> dict[str, Any]:
    return {"prompt": prompt, "options": options}


SLOW = chat(sim_tokens=10_000, sim_tokens_per_second=20)


def is_closed(ollama: OllamaServer, since: int) -> bool:
    return any(r["state"] == "client_closed" for r in ollama.requests()[since:])


def test_a_chat_is_answered_and_its_answer_kept(stack: Stack) -> None:
    (job,) = stack.wait(stack.submit(request=chat(sim_tokens=12)))

    assert job.state is State.SUCCEEDED
    assert job.result["message"]["role"] == "assistant"
    assert job.result["message"]["content"]
    assert job.completion_tokens == 12
    assert job.done_reason == "stop"
    assert job.first_token_at is not None
    assert (job.attempt, job.failures) == (1, 0)
    assert stack.attempts([job.id])[job.id] == ["succeeded"]


def test_a_generate_job_is_answered(stack: Stack) -> None:
    (job,) = stack.wait(stack.submit(kind=Kind.GENERATE, request=generate()))

    assert job.state is State.SUCCEEDED
    assert job.result["text"]


def test_a_bound_on_tokens_is_always_sent(stack: Stack) -> None:
    request = chat(sim_tokens=5_000) | {}
    (job,) = stack.wait(stack.submit(request=request))

    assert (job.completion_tokens, job.done_reason) == (2_048, "length")


def test_the_stream_is_the_stored_answer(stack: Stack) -> None:
    (job,) = stack.wait(stack.submit(request=chat(sim_tokens=50)))
    text = ""
    entries: Any = stack.redis.xrange(f"corral:stream:{job.id}")
    for _, fields in entries:
        data = orjson.loads(fields[b"d"])
        if fields[b"e"] == b"tokens":
            text = text[: data["text_offset"]] + data["text"]

    assert text == job.result["message"]["content"]
    last = entries[-1]
    assert (last[0].decode(), last[1][b"e"]) == (job.last_event_id, b"end")
    assert orjson.loads(last[1][b"d"])["state"] == "succeeded"
    assert 0 < stack.redis.pttl(f"corral:stream:{job.id}") <= 600_000


def embed(*texts: str, **over: Any) -> dict[str, Any]:
    return {
        "kind": Kind.EMBED,
        "model": EMBED_MODEL,
        "request": {"input": list(texts), **over},
    }


def test_rule_12_joined_embeddings_each_get_their_own_vectors(
    stack: Stack, ollama: OllamaServer
) -> None:
    texts = [[f"text {n}", f"more {n}"][: 1 + n % 2] for n in range(25)]
    alone = [stack.wait(stack.submit(**embed(*one)))[0].result for one in texts]
    before = len(ollama.requests(path="/api/embed"))
    ollama.set_fault(EMBED_MODEL, "slow", seconds=0.3, count=1)
    ids = [stack.submit(**embed(*one)) for one in texts]

    jobs = stack.wait(*ids)

    assert [job.state for job in jobs] == [State.SUCCEEDED] * 25
    assert [job.result for job in jobs] == alone
    assert len(ollama.requests(path="/api/embed")) - before < 15


def test_rule_12_one_bad_input_does_not_fail_its_neighbours(
    stack: Stack, ollama: OllamaServer
) -> None:
    ollama.set_fault(EMBED_MODEL, "slow", seconds=0.3, count=1)
    first = stack.submit(**embed("holds the slot"))
    long = "word " * 20_000
    ids = [
        stack.submit(**embed(text, truncate=False)) for text in ("good", long, "fine")
    ]

    good, bad, fine = stack.wait(*ids)

    assert stack.wait(first)[0].state is State.SUCCEEDED
    assert (good.state, fine.state) == (State.SUCCEEDED, State.SUCCEEDED)
    assert bad.state is State.FAILED
    assert (bad.error or {})["code"] == "context_length_exceeded"
    assert bad.failures == 0


def test_a_slot_of_an_embedding_model_is_one(
    stack: Stack, ollama: OllamaServer
) -> None:
    ollama.reset()
    ids = [stack.submit(**embed(f"t{n}")) for n in range(30)]
    stack.wait(*ids)

    assert ollama.stats()["max_concurrent"][EMBED_MODEL] == 1


def test_rule_15_no_more_requests_than_slots_are_in_flight(
    stack: Stack, ollama: OllamaServer
) -> None:
    ollama.reset()
    request = chat(sim_tokens=5, sim_tokens_per_second=100)
    ids = stack.submit_many(60, request=request)
    jobs = stack.wait(*ids)

    assert {job.state for job in jobs} == {State.SUCCEEDED}
    assert ollama.stats()["max_concurrent"][MODEL] == 4


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


def test_a_retry_waits_and_then_succeeds(stack: Stack, ollama: OllamaServer) -> None:
    ollama.set_fault(MODEL, "error", status=500, text="boom", count=2)

    (job,) = stack.wait(stack.submit(request=chat()))

    assert job.state is State.SUCCEEDED
    assert (job.attempt, job.failures) == (3, 2)
    assert stack.attempts([job.id])[job.id] == [
        "upstream_error",
        "upstream_error",
        "succeeded",
    ]


def test_after_four_counted_attempts_a_job_is_a_dead_letter_and_is_replayed(
    stack: Stack, ollama: OllamaServer
) -> None:
    ollama.set_fault(MODEL, "drop", after_tokens=3, count=4)

    (job,) = stack.wait(stack.submit(request=chat(sim_tokens=20)))

    assert (job.state, job.failures) == (State.FAILED, 4)
    assert (job.error or {})["code"] == "stream_cut"
    assert (job.error or {})["attempts"] == 4
    again = stack.service.replay(job, request_id="r")
    (replayed,) = stack.wait(again.job_id)
    assert (replayed.state, replayed.replay_of) == (State.SUCCEEDED, job.id)


def test_a_callers_mistake_is_not_tried_again(
    stack: Stack, ollama: OllamaServer
) -> None:
    request = chat() | {"format": "nonsense"}

    (job,) = stack.wait(stack.submit(request=request))

    assert job.state is State.FAILED
    assert (job.error or {})["code"] == "invalid_upstream_request"
    assert job.attempt == 1


def test_rule_18_a_later_attempt_begins_with_a_reset(
    stack: Stack, ollama: OllamaServer
) -> None:
    ollama.set_fault(MODEL, "drop", after_tokens=3, count=1)
    (job,) = stack.wait(stack.submit(request=chat(sim_tokens=20)))
    entries: Any = stack.redis.xrange(f"corral:stream:{job.id}")

    events = [(entry[0], entry[1][b"e"]) for entry in entries]
    assert (b"2-0", b"reset") in events
    assert events[-1][1] == b"end"


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


def test_no_connection_is_held_while_a_model_answers(
    stack: Stack, worker: Role
) -> None:
    ids = [stack.submit(request=SLOW) for _ in range(4)]
    stack.wait_until_running(*ids)

    def in_transaction(cursor: Any) -> int:
        cursor.execute("SELECT COUNT(*) FROM information_schema.innodb_trx")
        return int(cursor.rows()[0][0])

    assert stack.database.read(in_transaction) == 0
    for job_id in ids:
        stack.cancel(job_id)
    stack.wait(*ids)


def test_what_happened_is_counted(worker: Role) -> None:
    assert worker.metric("corral_jobs_finished_total") > 0
    assert worker.metric("corral_tokens_total") > 0
    assert worker.metric("corral_refused_writes_total") == 0
