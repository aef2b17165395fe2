"""Responses that fail, begin anew, are asked for twice, or were never right."""

from typing import Any

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
from tests.stack import Stack


def test_a_failure_after_the_first_word_ends_with_an_error(
    platform: Platform, http: httpx.Client, slowly: None
) -> None:
    platform.ollama.set_fault("tiny-chat", "mid_stream_error", after_tokens=20, count=1)

    *_, last = events_of(http.post(PATH, json=CHAT | {"stream": True}))

    assert last["type"] == "error"
    assert last["code"] == "attempt_restarted"


@pytest.mark.parametrize("stream", [False, True])
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
