"""What one worker does with jobs, by JOBS.md's rules, on real stores."""

from typing import Any

import orjson
import pytest

from backend.core.cluster import Cluster
from backend.core.forecast import Forecast
from backend.core.jobs.states import Kind, State
from backend.core.recent_snapshots import RecentSnapshots
from tests.factories import EMBED_MODEL, MODEL
from tests.integration.core.jobs import attempt
from tests.integration.jobs.chats import SLOW, chat, embed
from tests.ollama_server import OllamaServer
from tests.stack import Role, Stack


@pytest.fixture
def worker(stack: Stack) -> Role:
    return stack.roles[0]


def generate(prompt: str = "Hello", **options: Any) -> dict[str, Any]:
    return {"prompt": prompt, "options": options}


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
    began, ended, digest, options = attempt(
        stack.database, job.id, "model_digest", "options"
    )
    assert (began, ended) == (job.started_at, job.finished_at)
    assert len(digest) >= 12
    assert orjson.loads(options)["num_predict"] > 0


def test_the_pace_of_answers_gives_those_who_wait_a_forecast(stack: Stack) -> None:
    slow = chat(sim_tokens=12, sim_tokens_per_second=100)
    stack.wait(stack.submit(request=slow))
    forecast = Forecast(RecentSnapshots(Cluster(stack.redis)))

    def eta() -> float:
        forecast.forget()
        return forecast.eta_seconds(MODEL, 100) or 0.0

    stack.until(lambda: eta() > 0)


def test_a_generate_job_is_answered(stack: Stack) -> None:
    (job,) = stack.wait(stack.submit(kind=Kind.GENERATE, request=generate()))

    assert job.state is State.SUCCEEDED
    assert job.result["text"]


def test_a_bound_on_tokens_is_always_sent(stack: Stack) -> None:
    # Its context has room for more.
    wordy = {"model": "qwen3:0.6b", "request": chat(sim_tokens=5_000)}
    (job,) = stack.wait(stack.submit(**wordy))

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
    again = stack.service.submit(stack.service.again(job, request_id="r"))
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
