"""Chats on the wire: OpenAI's shapes, exactly framed, whatever happens."""

from typing import Any

import httpx
import orjson
import pytest

from tests.contract.openai_shapes import check
from tests.integration.protocols.openai_wire import (
    HELLO,
    TIME,
    WEATHER,
    Json,
    chat,
    chunks_of,
    data_of,
    deltas,
)
from tests.platform import Platform

PATHS = ("/v1/chat/completions", "/api/v1/chat/completions")
CHAT = PATHS[0]
PICTURE = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize("path", PATHS)
def test_a_whole_answer_has_openais_shape(http: httpx.Client, path: str) -> None:
    reply = http.post(path, json=chat())

    assert reply.status_code == 200
    check("chat_completion", reply.json())
    assert reply.json()["choices"][0]["finish_reason"] == "length"
    assert reply.json()["usage"]["completion_tokens"] == 8


def test_a_stream_is_framed_exactly(http: httpx.Client) -> None:
    asked = chat(stream=True, stream_options={"include_usage": True})
    chunks = chunks_of(http.post(CHAT, json=asked))

    for chunk in chunks:
        check("chat_completion_chunk", chunk)
    assert len({(c["id"], c["created"], c["model"]) for c in chunks}) == 1
    first, *middle, last, usage = chunks
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert all(c["choices"][0]["finish_reason"] is None for c in (first, *middle))
    assert all("role" not in delta for delta in deltas(middle))
    assert last["choices"][0]["delta"] == {}
    assert last["choices"][0]["finish_reason"] == "length"
    assert {orjson.dumps(c["usage"]) for c in (first, *middle, last)} == {b"null"}
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] == 8


def test_without_the_wish_no_chunk_speaks_of_usage(http: httpx.Client) -> None:
    chunks = chunks_of(http.post(CHAT, json=chat(stream=True)))

    assert all("usage" not in chunk for chunk in chunks)
    assert chunks[-1]["choices"][0]["finish_reason"] == "length"


def test_whole_and_streamed_say_the_same(http: httpx.Client) -> None:
    whole = http.post(CHAT, json=chat(seed=7)).json()
    chunks = chunks_of(http.post(CHAT, json=chat(seed=7, stream=True)))

    text = "".join(delta.get("content", "") for delta in deltas(chunks))
    assert text == whole["choices"][0]["message"]["content"] != ""


def test_several_answers_stand_side_by_side(http: httpx.Client) -> None:
    whole = http.post(CHAT, json=chat(n=3)).json()
    chunks = chunks_of(http.post(CHAT, json=chat(n=3, stream=True)))

    check("chat_completion", whole)
    assert [choice["index"] for choice in whole["choices"]] == [0, 1, 2]
    for index in range(3):
        said = list(deltas(chunks, index))
        assert said[0]["role"] == "assistant"
        assert said[-1] == {}


@pytest.mark.usefixtures("slowly")
def test_a_failure_after_the_first_word_ends_with_an_error(
    platform: Platform, http: httpx.Client
) -> None:
    platform.ollama.set_fault("tiny-chat", "mid_stream_error", after_tokens=15, count=1)

    asked = chat(stream=True, max_tokens=30)
    *chunks, last = data_of(http.post(CHAT, json=asked))

    assert chunks
    check("error", orjson.loads(last))
    assert orjson.loads(last)["error"]["code"] == "attempt_restarted"


@pytest.mark.parametrize("stream", [False, True])
def test_a_failure_before_the_first_word_has_its_own_status(
    platform: Platform, http: httpx.Client, *, stream: bool
) -> None:
    text = 'option "seed" must be of type integer'
    platform.ollama.set_fault("tiny-chat", "error", status=400, text=text)

    reply = http.post(CHAT, json=chat(stream=stream))

    assert reply.status_code == 400
    check("error", reply.json())
    assert reply.json()["error"]["code"] == "invalid_upstream_request"
    assert reply.headers["x-should-retry"] == "false"
    assert reply.headers["X-Corral-Job-Id"]


# Tools
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("tools", "choice", "name"),
    [
        ([WEATHER], None, "get_weather"),
        ([WEATHER, TIME], "auto", "get_weather"),
        ([WEATHER, TIME], "required", "get_weather"),
        ([WEATHER, TIME], {"type": "function", "function": {"name": "get_time"}}, None),
        (
            [WEATHER, TIME],
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": "get_time"}}],
                },
            },
            None,
        ),
    ],
    ids=["default", "auto", "required", "named", "allowed"],
)
def test_a_model_calls_a_tool_that_it_may_call(
    http: httpx.Client, tools: list[Json], choice: Any, name: str, *, stream: bool
) -> None:
    asked = chat(model="tiny-tools", tools=tools, stream=stream, max_tokens=200)
    if choice is not None:
        asked["tool_choice"] = choice
    call, reason = called(http, asked)

    assert call["function"]["name"] == (name or "get_time")
    assert isinstance(orjson.loads(call["function"]["arguments"]), dict)
    assert reason == "tool_calls"


def called(http: httpx.Client, asked: Json) -> tuple[Json, str]:
    """Give the only call of an answer, and why it ended."""
    reply = http.post(CHAT, json=asked)
    if not asked.get("stream"):
        check("chat_completion", reply.json())
        choice = reply.json()["choices"][0]
        assert choice["message"]["content"] is None
        (call,) = choice["message"]["tool_calls"]
        return call, choice["finish_reason"]
    chunks = chunks_of(reply)
    for chunk in chunks:
        check("chat_completion_chunk", chunk)
    assert "".join(d.get("content") or "" for d in deltas(chunks)) == ""
    (call,) = [call for d in deltas(chunks) for call in d.get("tool_calls", ())]
    assert call["index"] == 0
    return call, chunks[-1]["choices"][0]["finish_reason"]


def after_a_call(**more: Any) -> Json:
    """Ask on after a tool was called and has answered."""
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'},
    }
    answered = {"role": "tool", "tool_call_id": "call_1", "content": "20 degrees"}
    return {
        "model": "tiny-tools",
        "messages": [
            *HELLO,
            {"role": "assistant", "content": None, "tool_calls": [call]},
            answered,
        ],
        "tools": [WEATHER, TIME],
        "max_tokens": 300,
        **more,
    }


def test_a_tools_answer_leads_to_an_answer(
    platform: Platform, http: httpx.Client
) -> None:
    reply = http.post(CHAT, json=after_a_call())

    assert reply.json()["choices"][0]["message"]["content"]
    assert reply.json()["choices"][0]["finish_reason"] == "stop"
    told = platform.job(reply.headers["X-Corral-Job-Id"]).request["messages"][-1]
    assert told["tool_name"] == "get_weather"


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_that_must_be_made_is_made_where_ollama_recognises_none(
    http: httpx.Client, *, stream: bool
) -> None:
    # After a tool's answer the simulator answers in text, held to the schema.
    call, reason = called(http, after_a_call(tool_choice="required", stream=stream))

    assert call["function"] == {"name": "get_weather", "arguments": '{"city":"Paris"}'}
    assert reason == "tool_calls"


@pytest.mark.parametrize("stream", [False, True])
def test_tools_and_a_schema_go_together(http: httpx.Client, *, stream: bool) -> None:
    schema = {"type": "object", "properties": {"degrees": {"type": "integer"}}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    reply = http.post(CHAT, json=after_a_call(response_format=form, stream=stream))

    if stream:
        said = deltas(chunks_of(reply))
        text = "".join(delta.get("content", "") for delta in said)
    else:
        text = reply.json()["choices"][0]["message"]["content"]
    assert set(orjson.loads(text)) == {"degrees"}


def test_no_tools_are_told_of_if_none_may_be_called(
    platform: Platform, http: httpx.Client
) -> None:
    asked = chat(model="tiny-tools", tools=[WEATHER], tool_choice="none")
    reply = http.post(CHAT, json=asked)

    assert reply.json()["choices"][0]["message"]["content"]
    assert "tools" not in platform.job(reply.headers["X-Corral-Job-Id"]).request


# Forms, images, thoughts, probabilities
def test_an_answer_is_json_if_that_is_asked(http: httpx.Client) -> None:
    form = {"type": "json_object"}
    reply = http.post(CHAT, json=chat(response_format=form, max_tokens=200))

    assert orjson.loads(reply.json()["choices"][0]["message"]["content"])


def test_an_image_is_seen_by_a_model_that_sees(http: httpx.Client) -> None:
    seen = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}},
    ]
    message = [{"role": "user", "content": seen}]

    sees = http.post(CHAT, json=chat(model="tiny-vision", messages=message))
    blind = http.post(CHAT, json=chat(messages=message))

    assert sees.status_code == 200
    assert blind.status_code == 400
    assert blind.json()["error"]["param"] == "messages.0.content"
    assert blind.json()["error"]["code"] == "unsupported_by_model"


def test_thoughts_stand_beside_the_answer(http: httpx.Client) -> None:
    asked = chat(model="tiny-think", reasoning_effort="high", max_tokens=30)
    whole = http.post(CHAT, json=asked).json()
    chunks = chunks_of(http.post(CHAT, json={**asked, "stream": True}))
    none = http.post(CHAT, json={**asked, "reasoning_effort": "none"}).json()

    check("chat_completion", whole)
    thought = whole["choices"][0]["message"]["reasoning_content"]
    streamed = "".join(d.get("reasoning_content", "") for d in deltas(chunks))
    assert thought == streamed != ""
    assert "reasoning_content" not in none["choices"][0]["message"]


@pytest.mark.parametrize("stream", [False, True])
def test_probabilities_are_told_token_by_token(
    http: httpx.Client, *, stream: bool
) -> None:
    asked = chat(logprobs=True, top_logprobs=2, stream=stream)
    reply = http.post(CHAT, json=asked)
    if stream:
        chunks = chunks_of(reply)
        for chunk in chunks:
            check("chat_completion_chunk", chunk)
        text = "".join(delta.get("content", "") for delta in deltas(chunks))
        found = [c["choices"][0]["logprobs"] for c in chunks]
        tokens = [t for known in found if known for t in known["content"]]
    else:
        check("chat_completion", reply.json())
        choice = reply.json()["choices"][0]
        text, tokens = choice["message"]["content"], choice["logprobs"]["content"]

    assert len(tokens) == 8
    assert "".join(token["token"] for token in tokens) == text
    assert all(len(token["top_logprobs"]) == 2 for token in tokens)


# What is wrong, and where
@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages.0.content.0.text",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            "messages.0.content.0",
        ),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {
                                "type": "image_url",
                                "image_url": {"url": "https://example.org/a.png"},
                            }
                        ],
                    }
                ]
            },
            "messages.0.content.0.image_url.url",
        ),
        ({"messages": [{"role": "user"}]}, "messages.0"),
        (
            {"messages": [{"role": "tool", "tool_call_id": "x", "content": ""}]},
            "messages.0.tool_call_id",
        ),
        ({"temperature": 3}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 10_000_000}, "max_tokens"),
        ({"max_completion_tokens": 10_000_000}, "max_completion_tokens"),
        ({"n": 17}, "n"),
        ({"stop": 5}, "stop"),
        ({"stop": ["x" * 2000]}, "stop.0"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"logit_bias": {"50256": -100}}, "logit_bias"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"audio": {"voice": "alloy", "format": "wav"}}, "audio"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "custom"}}, "tool_choice"),
        ({"tools": [WEATHER]}, "tools"),
        ({"response_format": {"type": "yaml"}}, "response_format.type"),
        ({"reasoning_effort": "high"}, "reasoning_effort"),
        ({"model": "tiny-embed"}, "model"),
        ({"metadata": {"a": 1}}, "metadata.a"),
    ],
)
def test_a_mistake_is_named_as_the_caller_knows_it(
    http: httpx.Client, more: Json, param: str
) -> None:
    reply = http.post(CHAT, json=chat() | more)

    assert reply.status_code == 400
    check("error", reply.json())
    assert reply.json()["error"]["param"] == param
    assert "request." not in reply.json()["error"]["message"]


def test_what_changes_nothing_is_passed_over(http: httpx.Client) -> None:
    more = {
        "user": "u",
        "store": True,
        "service_tier": "auto",
        "prediction": {"type": "content", "content": "x"},
        "verbosity": "low",
        "prompt_cache_key": "k",
        "safety_identifier": "s",
        "logit_bias": {},
        "modalities": ["text"],
        "parallel_tool_calls": True,
        "stop": ["", "never"],
        "no_such_field": 1,
        "max_completion_tokens": None,
    }

    assert http.post(CHAT, json=chat(**more)).status_code == 200


def test_an_answer_says_where_it_was_made(http: httpx.Client) -> None:
    for more in ({}, {"stream": True}):
        headers = http.post(CHAT, json=chat(**more)).headers

        assert headers["X-Request-Id"]
        assert headers["X-Corral-Job-Id"]
        assert headers["X-Corral-Model"] == "tiny-chat:latest"
        assert headers["X-Corral-Node"] == "local"
        assert float(headers["X-Corral-Queue-Ms"]) >= 0
        assert float(headers["X-Corral-Overhead-Ms"]) > 0
