"""JOBS.md 12: embeddings from many callers, in few calls and bounded ones."""

import orjson

from backend.core.jobs.states import State
from tests.factories import EMBED_MODEL
from tests.integration.jobs.chats import embed
from tests.ollama_server import OllamaServer
from tests.stack import Stack

# Of 768 numbers each: what OpenAI's clients may ask for at once is 19 MB of JSON.
WIDE_MODEL = "nomic-embed-text:latest"
MOST_TEXTS = 2_048


def held_up(stack: Stack, ollama: OllamaServer) -> str:
    """Let a call take a moment, so that others queue up behind it."""
    ollama.set_fault(EMBED_MODEL, "slow", seconds=0.3, count=1)
    return stack.submit(**embed("holds the slot"))


def test_a_job_of_many_texts_is_asked_alone_and_the_short_ones_go_together(
    stack: Stack, ollama: OllamaServer
) -> None:
    first = held_up(stack, ollama)
    stack.wait_until_running(first)
    texts = [f"text {n}" for n in range(MOST_TEXTS)]
    before = len(ollama.requests(path="/api/embed"))
    many = stack.submit(**embed(*texts))
    short = [stack.submit(**embed("short")) for _ in range(3)]
    jobs = stack.wait(first, many, *short)
    calls = len(ollama.requests(path="/api/embed")) - before

    assert [job.state for job in jobs] == [State.SUCCEEDED] * 5
    # The first, if it had not been sent before they were counted, and one for each.
    assert calls in {2, 3}
    assert len(jobs[1].result["embeddings"]) == MOST_TEXTS
    assert jobs[1].prompt_tokens == 4 * MOST_TEXTS
    assert {job.prompt_tokens for job in jobs[2:]} == {3}


def test_the_stream_of_an_embedding_keeps_no_vectors(stack: Stack) -> None:
    (job,) = stack.wait(stack.submit(**embed(*["a text"] * 100)))
    ((_, fields),) = stack.redis.xrange(f"corral:stream:{job.id}")
    end = orjson.loads(fields[b"d"])

    assert (end["state"], end["result"]) == ("succeeded", None)
    assert len(job.result["embeddings"]) == 100


def test_an_answer_larger_than_the_database_takes_fails_once_and_holds_up_nobody(
    stack: Stack,
) -> None:
    wide = embed(*["a text"] * MOST_TEXTS) | {"model": WIDE_MODEL}
    (large,) = stack.wait(stack.submit(**wide))
    fewer = embed(*["a text"] * 3) | {"model": WIDE_MODEL}
    (small,) = stack.wait(stack.submit(**fewer))

    assert (large.state, large.attempt) == (State.FAILED, 1)
    assert (large.error or {})["advice"] == "Ask for fewer texts in one request."
    assert small.state is State.SUCCEEDED


def test_rule_22_a_cancelled_job_leaves_a_joined_call_and_the_last_shuts_its_socket(
    stack: Stack, ollama: OllamaServer
) -> None:
    first = held_up(stack, ollama)
    stack.wait_until_running(first)
    ollama.set_fault(EMBED_MODEL, "hang", count=1)
    ids = [stack.submit(**embed(text)) for text in ("one", "two", "three")]
    stack.wait_until_running(*ids)

    stack.cancel(ids[1])
    assert stack.wait(ids[1])[0].state is State.CANCELLED
    stack.wait_until_running(ids[0], ids[2])
    assert ollama.requests(path="/api/embed", state="open")

    stack.cancel(ids[0])
    stack.cancel(ids[2])
    jobs = stack.wait(ids[0], ids[2])
    assert [job.state for job in jobs] == [State.CANCELLED] * 2
    ollama.wait_for(
        lambda requests: (
            "client_closed"
            in {r["state"] for r in requests if r["path"] == "/api/embed"}
        )
    )
