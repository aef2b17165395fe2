"""Responses on the wire: OpenAI's shapes, exactly framed, whatever happens."""

from typing import Any

import httpx
import orjson
import pytest

from tests.contract.openai_shapes import check
from tests.integration.protocols.openai_responses import CHAT, SHORT, WEATHER
from tests.integration.protocols.openai_wire import Json
from tests.platform import Platform
from tests.stack import Stack

PATH = "/v1/responses"
PICTURE = "data:image/png;base64,iVBORw0KGgo="
TOOLS: Json = {"model": "tiny-tools", "input": "Weather in Paris?", "tools": [WEATHER]}
CITY: Json = {"type": "object", "properties": {"name": {"type": "string"}}}
FORM: Json = {"format": {"type": "json_schema", "name": "city", "schema": CITY}}


def events_of(reply: httpx.Response) -> list[Json]:
    """Give the events of a whole stream, each of which has its shape."""
    assert reply.status_code == 200, reply.text
    assert reply.headers["Content-Type"] == "text/event-stream"
    assert reply.content.endswith(b"\n\n")
    blocks = reply.content.removesuffix(b"\n\n").split(b"\n\n")
    found = []
    for block in (block for block in blocks if not block.startswith(b": ")):
        event, data = block.split(b"\n")
        found.append(orjson.loads(data.removeprefix(b"data: ")))
        assert event == b"event: " + found[-1]["type"].encode()
        check("response_event", found[-1])
    return found


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
        {"instructions": "Be brief.", "metadata": {"a": "b"}, "user": "u"},
    ],
    ids=[
        *("plain", "cut", "thinks", "schema", "json", "none", "tools", "required"),
        *("named", "allowed", "logprobs", "told"),
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


# Failures
def test_a_failure_after_the_first_word_ends_with_an_error(
    platform: Platform, http: httpx.Client, slowly: None
) -> None:
    platform.ollama.set_fault("tiny-chat", "mid_stream_error", after_tokens=20, count=1)

    *_, last = events_of(http.post(PATH, json=CHAT | {"stream": True}))

    assert last["type"] == "error"
    assert last["code"] == "attempt_restarted"


@BOTH
def test_a_failure_before_the_first_word_has_its_own_status(
    platform: Platform, http: httpx.Client, *, stream: bool
) -> None:
    text = 'option "seed" must be of type integer'
    platform.ollama.set_fault("tiny-chat", "error", status=400, text=text)

    reply = http.post(PATH, json=CHAT | {"stream": stream})

    assert reply.status_code == 400
    check("error", reply.json())
    assert reply.json()["error"]["code"] == "invalid_upstream_request"


def test_a_failure_in_the_background_is_the_responses(
    platform: Platform, http: httpx.Client
) -> None:
    text = 'option "seed" must be of type integer'
    platform.ollama.set_fault("tiny-chat", "error", status=400, text=text)

    reply = http.post(PATH, json=CHAT | {"background": True, "stream": True})
    *_, last = events_of(reply)

    assert last["type"] == "response.failed"
    assert last["response"]["error"]["code"] == "invalid_prompt"
    again = http.get(f"{PATH}/{last['response']['id']}").json()
    check("response", again)
    assert again["error"] == last["response"]["error"]
    asked = SHORT | {"previous_response_id": again["id"]}
    reply = http.post(PATH, json=asked)
    assert reply.status_code == 400
    assert "failed" in reply.json()["error"]["message"]


def test_a_response_that_began_anew_is_not_gone_on_with_elsewhere(
    platform: Platform, http: httpx.Client, slowly: None
) -> None:
    platform.ollama.set_fault("tiny-chat", "mid_stream_error", after_tokens=20, count=1)
    reply = http.post(PATH, json=CHAT | {"background": True, "stream": True})
    first, *_, broken = events_of(reply)
    path = f"{PATH}/{first['response']['id']}"

    assert broken["code"] == "attempt_restarted"
    Stack.until(lambda: http.get(path).json()["status"] == "completed")
    fresh = events_of(http.get(path, params={"stream": "true"}))
    assert fresh[-1]["type"] == "response.completed"
    place = {"stream": "true", "starting_after": str(broken["sequence_number"])}
    (told,) = events_of(http.get(path, params=place))
    assert told["code"] == "attempt_restarted"
    middle = fresh[6]["sequence_number"]
    rest = events_of(
        http.get(path, params={"stream": "true", "starting_after": str(middle)})
    )
    assert rest[:-1] == fresh[7:-1]


@pytest.mark.parametrize("more", [{}, {"background": True}, {"stream": True}])
def test_a_repeat_under_the_same_key_is_the_same_response(
    http: httpx.Client, more: Json
) -> None:
    headers = {"Idempotency-Key": f"responses {more}"}
    replies = [http.post(PATH, json=SHORT | more, headers=headers) for _ in range(2)]

    if "stream" in more:
        ids = {events_of(reply)[-1]["response"]["id"] for reply in replies}
    else:
        ids = {reply.json()["id"] for reply in replies}
    assert len(ids) == 1


# What is wrong, and where
def said(item: Any) -> Json:
    return {"input": [item]}


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": 5}, "input"),
        (said({"role": "robot", "content": "x"}), "input.0.role"),
        (said({"type": "computer_call"}), "input.0"),
        (
            said({"role": "user", "content": [{"type": "input_file"}]}),
            "input.0.content.0",
        ),
        (
            said(
                {
                    "role": "user",
                    "content": [
                        {"type": "input_image", "image_url": "https://example.org/a"}
                    ],
                }
            ),
            "input.0.content.0.image_url",
        ),
        (
            said({"type": "function_call_output", "call_id": "x", "output": ""}),
            "input.0.call_id",
        ),
        (said({"type": "item_reference", "id": "msg_1"}), "input.0.id"),
        ({"tools": [{"type": "web_search"}]}, "tools.0"),
        ({"tools": [WEATHER]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "mcp"}}, "tool_choice"),
        ({"text": {"format": {"type": "yaml"}}}, "text.format.type"),
        (
            {"text": {"format": {"type": "json_schema", "name": "x"}}},
            "text.format.schema",
        ),
        ({"reasoning": {"effort": "high"}}, "reasoning.effort"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"max_output_tokens": 10_000_000}, "max_output_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"truncation": "auto"}, "truncation"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"background": True, "store": False}, "background"),
        ({"model": "tiny-embed"}, "model"),
        ({"metadata": {"a": 1}}, "metadata.a"),
    ],
)
def test_a_mistake_is_named_as_the_caller_knows_it(
    http: httpx.Client, more: Json, param: str
) -> None:
    reply = http.post(PATH, json=SHORT | more)

    assert reply.status_code == 400
    check("error", reply.json())
    assert reply.json()["error"]["param"] == param
    assert "request." not in reply.json()["error"]["message"]


def test_what_changes_nothing_is_passed_over(http: httpx.Client) -> None:
    more = {
        "include": ["reasoning.encrypted_content"],
        "service_tier": "auto",
        "max_tool_calls": 3,
        "text": {"verbosity": "low"},
        "prompt_cache_key": "k",
        "safety_identifier": "s",
        "stream_options": {"include_obfuscation": False},
        "parallel_tool_calls": True,
        "truncation": "disabled",
        "conversation": None,
        "no_such_field": 1,
    }

    assert http.post(PATH, json=SHORT | more).status_code == 200


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"starting_after": "3"}, "starting_after"),
        ({"stream": "true", "starting_after": "x"}, "starting_after"),
        ({"stream": "perhaps"}, "stream"),
    ],
)
def test_a_wrong_wish_for_a_stream_is_refused(
    http: httpx.Client, params: dict[str, str], param: str
) -> None:
    reply = http.get(f"{PATH}/resp_{'0' * 32}", params=params)

    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == param
