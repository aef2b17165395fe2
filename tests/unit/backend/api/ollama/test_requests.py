"""From Ollama's requests to the native ones."""

from typing import Any

import pytest

from backend.api.ollama import requests
from backend.api.ollama.options import split
from backend.api.ollama.schemas.chat import OllamaChatRequest
from backend.api.ollama.schemas.embed import OllamaEmbedRequest
from backend.api.ollama.schemas.generate import OllamaGenerateRequest
from backend.api.schemas.submit import SUBMIT_JOB
from backend.core.jobs.states import Kind

TURN = {"role": "user", "content": "Hello"}


def chat(**over: Any) -> requests.Translation:
    body = {"model": "m", "messages": [TURN]} | over
    return requests.chat(OllamaChatRequest.model_validate(body))


def generate(**over: Any) -> requests.Translation:
    body = {"model": "m", "prompt": "Once"} | over
    return requests.generate(OllamaGenerateRequest.model_validate(body))


def embed(**over: Any) -> requests.Translation:
    body = {"model": "m", "input": "a"} | over
    return requests.embed(OllamaEmbedRequest.model_validate(body))


def test_what_is_left_out_or_null_is_not_asked_for() -> None:
    nulls = dict.fromkeys(
        ("tools", "format", "think", "options", "keep_alive", "stream", "truncate")
    )
    turn = TURN | {"images": None, "tool_calls": None}

    wanted = chat(messages=[turn], **nulls)

    assert wanted.asked.request == {"messages": [TURN]}
    assert wanted.ignored == ()
    assert chat(format="").asked.request == {"messages": [TURN]}


def test_everything_that_counts_is_passed_on() -> None:
    call = {"function": {"name": "f", "arguments": {"a": 1}}}
    bare = {"id": "c1", "function": {"name": "g"}}
    wanted = chat(
        messages=[
            {"role": "assistant", "thinking": "hm", "tool_calls": [call, bare]},
            {"role": "tool", "tool_name": "f", "tool_call_id": "c1", "content": "2"},
        ],
        tools=[{"function": {"name": "f", "parameters": {}, "x": 1}, "y": 2}],
        format={"type": "object"},
        think="high",
        logprobs=True,
        top_logprobs=3,
        options={"seed": 1, "stop": ["a"], "sparkle": 2},
        sparkle=3,
    )

    assert wanted.asked.request == {
        "messages": [
            {
                "role": "assistant",
                "thinking": "hm",
                "tool_calls": [
                    call,
                    {"id": "c1", "function": {"name": "g", "arguments": {}}},
                ],
            },
            {"role": "tool", "tool_name": "f", "tool_call_id": "c1", "content": "2"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        "format": {"type": "object"},
        "think": "high",
        "logprobs": True,
        "top_logprobs": 3,
        "options": {"seed": 1, "stop": ["a"], "sparkle": 2},
    }


def test_what_the_platform_decides_is_named() -> None:
    wanted = chat(
        keep_alive="5m",
        truncate=True,
        shift=False,
        options={"num_ctx": 9, "num_predict": -1, "seed": 1},
    )

    assert wanted.asked.request["options"] == {"seed": 1}
    assert wanted.ignored == (
        "keep_alive",
        "shift",
        "truncate",
        "num_ctx",
        "num_predict",
    )


def test_a_prompt_that_is_not_to_be_cut_is_as_usual() -> None:
    assert chat(truncate=False).ignored == ()


def test_thinking_may_be_switched_off() -> None:
    assert chat(think=False).asked.request["think"] is False


def test_alternatives_are_told_only_beside_probabilities() -> None:
    assert "top_logprobs" not in chat(top_logprobs=3).asked.request
    assert "top_logprobs" not in chat(logprobs=True, top_logprobs=0).asked.request


def test_a_prompt_is_passed_on_with_what_belongs_to_it() -> None:
    parts = {"system": "s", "suffix": "x", "template": "t", "images": ["aaaa"]}

    assert generate(**parts).asked.request == {"prompt": "Once", **parts}
    assert generate(raw=True).asked.request == {"prompt": "Once", "raw": True}


def test_texts_are_cut_unless_that_is_refused() -> None:
    assert embed().asked.request == {"input": ["a"], "truncate": True}
    assert embed(truncate=False).asked.request["truncate"] is False
    assert embed(dimensions=8).asked.request["dimensions"] == 8
    assert "dimensions" not in embed(dimensions=0).asked.request


def test_a_load_asks_for_nothing() -> None:
    body = OllamaChatRequest.model_validate(
        {"model": "m", "keep_alive": -1, "options": {"num_ctx": 1, "seed": 2}}
    )

    wanted = requests.load(body)

    assert (wanted.asked.kind, wanted.asked.request) == (Kind.LOAD, {})
    assert wanted.ignored == ("keep_alive", "num_ctx")


@pytest.mark.parametrize("wanted", [chat(), generate(), embed()])
def test_what_is_asked_is_a_native_job(wanted: requests.Translation) -> None:
    asked = wanted.asked

    SUBMIT_JOB.validate_python(
        {"kind": asked.kind.value, "model": asked.model, "request": asked.request}
    )


@pytest.mark.parametrize("endless", [0, -1, -2, -1.0])
def test_an_answer_without_end_is_bounded_as_usual(endless: float) -> None:
    assert split({"num_predict": endless, "top_k": None}) == ({}, ["num_predict"])


def test_whole_numbers_may_be_written_as_fractions() -> None:
    assert split({"num_predict": 8.0, "top_p": 0.5, "raw": True}) == (
        {"num_predict": 8, "top_p": 0.5, "raw": True},
        [],
    )
    assert split(None) == ({}, [])
