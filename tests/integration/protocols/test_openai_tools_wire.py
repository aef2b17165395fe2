"""Tools on the wire: who may be called, who must, and what is made of it."""

from typing import Any

import httpx
import orjson
import pytest

from tests.contract.openai_shapes import check
from tests.integration.protocols.openai_wire import (
    CHAT,
    HELLO,
    TIME,
    WEATHER,
    Json,
    chat,
    chunks_of,
    deltas,
)
from tests.platform import Platform


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
