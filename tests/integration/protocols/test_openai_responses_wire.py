"""Responses on the wire: OpenAI's shapes, exactly framed, whatever happens."""

import httpx
import pytest

from tests.contract.openai_shapes import check
from tests.integration.protocols.openai_responses import (
    CHAT,
    PATH,
    SHORT,
    WEATHER,
    events_of,
)
from tests.integration.protocols.openai_wire import Json
from tests.platform import Platform

PICTURE = "data:image/png;base64,iVBORw0KGgo="
TOOLS: Json = {"model": "tiny-tools", "input": "Weather in Paris?", "tools": [WEATHER]}
CITY: Json = {"type": "object", "properties": {"name": {"type": "string"}}}
FORM: Json = {"format": {"type": "json_schema", "name": "city", "schema": CITY}}


def response_of(http: httpx.Client, asked: Json, *, stream: bool) -> Json:
    """Ask, and give the response, which is the same when it is asked for again."""
    reply = http.post(PATH, json={**asked, "stream": stream})
    if stream:
        events = events_of(reply)
        numbers = [event["sequence_number"] for event in events]
        assert numbers == list(range(len(numbers)))
        told: Json = events[-1]["response"]
    else:
        assert reply.status_code == 200, reply.text
        told = reply.json()
    check("response", told)
    again = http.get(f"{PATH}/{told['id']}").json()
    check("response", again)
    assert without_end(again) == without_end(told)
    return told


def without_end(told: Json) -> Json:
    # A stream tells its end when it comes, the row when it was committed.
    return {**told, "completed_at": told["completed_at"] and 0}


BOTH = pytest.mark.parametrize("stream", [False, True])


@BOTH
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"max_output_tokens": 8},
        {"model": "tiny-think", "reasoning": {"effort": "high", "summary": "auto"}},
        {"text": FORM},
        {"text": {"format": {"type": "json_object"}}},
        {"tools": [WEATHER], "tool_choice": "none", "model": "tiny-tools"},
        TOOLS,
        TOOLS | {"tool_choice": "required"},
        TOOLS | {"tool_choice": {"type": "function", "name": "get_weather"}},
        TOOLS
        | {
            "tool_choice": {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "get_weather"}],
            }
        },
        {"top_logprobs": 2, "max_output_tokens": 4},
        {"top_logprobs": 1, "model": "tiny-think"},
        {"instructions": "Be brief.", "metadata": {"a": "b"}, "user": "u"},
    ],
    ids=[
        *("plain", "cut", "thinks", "schema", "json", "none", "tools", "required"),
        *("named", "allowed", "logprobs", "thoughtful", "told"),
    ],
)
def test_a_response_has_openais_shape_whole_streamed_and_asked_for_again(
    http: httpx.Client, more: Json, *, stream: bool
) -> None:
    told = response_of(http, CHAT | more, stream=stream)

    kinds = [item["type"] for item in told["output"]]
    calls = "tools" in more and more.get("tool_choice") != "none"
    assert kinds[-1] == ("function_call" if calls else "message")
    assert ("reasoning" in kinds) == (more.get("model") == "tiny-think")


def test_thoughts_are_told_as_a_summary(http: httpx.Client) -> None:
    asked = CHAT | {"model": "tiny-think", "stream": True}
    events = events_of(http.post(PATH, json=asked))

    kind = "response.reasoning_summary_text.delta"
    said = "".join(event["delta"] for event in events if event["type"] == kind)
    thought = events[-1]["response"]["output"][0]
    assert thought["summary"] == [{"type": "summary_text", "text": said}]


def test_thoughts_and_calls_of_earlier_turns_are_told_to_the_model(
    platform: Platform, http: httpx.Client
) -> None:
    call = {"type": "function_call", "name": "get_weather", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "b", "output": "20"}
    items = [
        {"role": "user", "content": "Weather?"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"role": "assistant", "content": "I look."},
        {**call, "call_id": "a"},
        {**call, "call_id": "b"},
        result,
        {**result, "call_id": "a"},
    ]
    reply = http.post(PATH, json=TOOLS | {"input": items, "max_output_tokens": 8})

    said = platform.job(reply.headers["X-Corral-Job-Id"]).request["messages"]
    assert [one["role"] for one in said] == ["user", "assistant", "tool", "tool"]
    assert said[1]["thinking"] == "Hm."
    assert said[1]["content"] == "I look."
    assert [one["id"] for one in said[1]["tool_calls"]] == ["a", "b"]
    assert [one["tool_call_id"] for one in said[2:]] == ["b", "a"]


def test_an_image_is_seen_by_a_model_that_sees(http: httpx.Client) -> None:
    parts = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": PICTURE, "detail": "low"},
    ]
    asked = SHORT | {"input": [{"role": "user", "content": parts}]}

    sees = http.post(PATH, json=asked | {"model": "tiny-vision"})
    blind = http.post(PATH, json=asked)

    assert sees.status_code == 200
    assert blind.status_code == 400
    assert blind.json()["error"]["code"] == "unsupported_by_model"
    assert blind.json()["error"]["param"] == "input"
    items = http.get(f"{PATH}/{sees.json()['id']}/input_items").json()
    check("response_items", items)
    assert items["data"][0]["content"][1]["image_url"] == PICTURE


def test_items_that_are_only_referred_to_are_found(
    platform: Platform, http: httpx.Client
) -> None:
    first = http.post(PATH, json=TOOLS).json()
    (call,) = first["output"]
    (asked,) = http.get(f"{PATH}/{first['id']}/input_items").json()["data"]
    items = [
        {"type": "item_reference", "id": asked["id"]},
        {"type": "item_reference", "id": call["id"]},
        {
            "type": "function_call_output",
            "call_id": call["call_id"],
            "output": [{"type": "input_text", "text": "20 degrees"}],
        },
    ]
    second = http.post(PATH, json=TOOLS | {"input": items})

    said = platform.job(second.headers["X-Corral-Job-Id"]).request["messages"]
    assert [one["role"] for one in said] == ["user", "assistant", "tool"]
    listed = http.get(f"{PATH}/{second.json()['id']}/input_items").json()
    check("response_items", listed)
    assert listed["data"][1]["name"] == "get_weather"


def test_a_page_of_items_begins_after_the_last_one(http: httpx.Client) -> None:
    said = [{"role": "user", "content": text} for text in "abc"]
    asked = http.post(PATH, json=SHORT | {"input": said}).json()
    path = f"{PATH}/{asked['id']}/input_items"

    first = http.get(path, params={"order": "asc", "limit": 2}).json()
    after = {"order": "asc", "after": first["last_id"]}
    second = http.get(path, params=after).json()
    third = http.get(path, params={"order": "asc", "after": second["last_id"]}).json()

    texts = [item["content"][0]["text"] for item in first["data"] + second["data"]]
    assert texts == ["a", "b", "c"]
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert third["data"] == []
    check("response_items", third)
    wrong = http.get(path, params={"after": "nobody"})
    assert wrong.json()["error"]["param"] == "after"
