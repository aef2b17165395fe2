"""A prompt is answered whole, or refused: nothing of it is dropped silently."""

from typing import Any

import pytest

from backend.core.jobs.states import Kind, State
from tests.factories import EMBED_MODEL, MODEL
from tests.integration.jobs.chats import chat
from tests.ollama_server import OllamaServer
from tests.stack import Stack

# A character is a token of tiny-chat, whose context has 2048; a word one of tiny-embed,
# whose context has 512.
LONG = "x" * 3_000
MANY_WORDS = "word " * 900
TOO_LONG: list[dict[str, Any]] = [
    {"request": chat(LONG)},
    {"kind": Kind.GENERATE, "request": {"prompt": LONG}},
    {"kind": Kind.EMBED, "model": EMBED_MODEL, "request": {"input": MANY_WORDS}},
]


@pytest.mark.parametrize("job", TOO_LONG, ids=["chat", "generate", "embed"])
def test_a_prompt_longer_than_the_context_fails_its_job_once(
    stack: Stack, ollama: OllamaServer, job: dict[str, Any]
) -> None:
    opened = stack.roles[0].metric("corral_attempts_failed_total")

    (ended,) = stack.wait(stack.submit(**job))

    assert ended.state is State.FAILED
    error = ended.error or {}
    assert error["code"] == "context_length_exceeded"
    assert (error["attempts"], error["retryable"]) == (1, False)
    assert "Send a shorter prompt" in error["advice"]
    assert stack.attempts([ended.id])[ended.id] == ["context_length_exceeded"]
    assert stack.roles[0].metric("corral_attempts_failed_total") == opened + 1
    assert stack.redis.keys("*breaker*") == []


def test_the_advice_names_the_context_once_it_was_seen(stack: Stack) -> None:
    def told() -> str:
        (job,) = stack.wait(stack.submit(request=chat(LONG)))
        return str((job.error or {})["advice"])

    stack.until(lambda: "context of 2048 tokens" in told())


def test_a_text_to_embed_is_cut_only_if_the_caller_wants_it(stack: Stack) -> None:
    job = {"kind": Kind.EMBED, "model": EMBED_MODEL}
    request = {"input": MANY_WORDS, "truncate": True}

    (ended,) = stack.wait(stack.submit(**job, request=request))

    assert ended.state is State.SUCCEEDED
    assert ended.prompt_tokens == 512


def test_an_answer_that_fills_the_context_ends_there(stack: Stack) -> None:
    request = chat("x" * 2_000, sim_tokens=500)

    (ended,) = stack.wait(stack.submit(request=request))

    assert (ended.state, ended.done_reason) == (State.SUCCEEDED, "length")
    assert (ended.prompt_tokens or 0) + (ended.completion_tokens or 0) == 2_048


def test_chats_prompts_and_embeddings_run_on_one_load(
    stack: Stack, ollama: OllamaServer
) -> None:
    ollama.reset()
    jobs: list[dict[str, Any]] = [
        {"request": chat(num_predict=1)},
        {"kind": Kind.GENERATE, "request": {"prompt": "x"}},
        {"kind": Kind.EMBED, "request": {"input": "x"}},
        {"request": chat(num_predict=1)},
    ]

    for job in jobs:
        stack.wait(stack.submit(**job))

    assert ollama.stats()["loads"] == {MODEL: 1}
