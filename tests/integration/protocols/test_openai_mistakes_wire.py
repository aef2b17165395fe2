"""What is refused, under which name, and what is passed over."""

import httpx
import pytest

from tests.contract.openai_shapes import check
from tests.integration.protocols.openai_wire import CHAT, WEATHER, Json, chat


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
