"""Anthropic's own client, unchanged."""

from collections.abc import Iterator

import pytest
from anthropic import Anthropic

from tests.platform import Platform

ASKED = [{"role": "user", "content": "one two three"}]


@pytest.fixture
def client(platform: Platform) -> Iterator[Anthropic]:
    with Anthropic(base_url=platform.url, api_key=platform.key()) as client:
        yield client


def test_a_message_is_answered(client: Anthropic) -> None:
    answer = client.messages.create(model="tiny-chat", messages=ASKED, max_tokens=8)

    assert answer.content[0].type == "text"
    assert answer.content[0].text
    assert answer.stop_reason == "max_tokens"
    assert answer.usage.output_tokens == 8


def test_a_message_is_streamed(client: Anthropic) -> None:
    with client.messages.stream(
        model="tiny-chat", messages=ASKED, max_tokens=8
    ) as stream:
        events = [event.type for event in stream]
        answer = stream.get_final_message()

    assert events[0] == "message_start"
    assert events[-1] == "message_stop"
    assert answer.content[0].type == "text"
    assert answer.stop_reason == "max_tokens"
    assert answer.usage.output_tokens == 8
