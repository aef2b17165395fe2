"""OpenAI's own client, unchanged."""

from collections.abc import Iterator

import pytest
from openai import OpenAI

from tests.platform import Platform

ASKED = [{"role": "user", "content": "one two three"}]


@pytest.fixture
def client(platform: Platform) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{platform.url}/v1", api_key=platform.key()) as client:
        yield client


def test_a_chat_is_answered(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model="tiny-chat", messages=ASKED, max_tokens=8
    )

    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage
    assert answer.usage.completion_tokens == 8


def test_a_chat_is_streamed(client: OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model="tiny-chat",
            messages=ASKED,
            max_tokens=8,
            stream=True,
            stream_options={"include_usage": True},
        )
    )

    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(c.choices[0].delta.content or "" for c in chunks[:-1])
    assert chunks[-2].choices[0].finish_reason == "length"
    assert chunks[-1].usage
    assert chunks[-1].usage.completion_tokens == 8


def test_several_answers_are_streamed_side_by_side(client: OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model="tiny-chat", messages=ASKED, max_tokens=8, stream=True, n=3
        )
    )

    ends = [c.choices[0] for c in chunks if c.choices[0].finish_reason]
    assert sorted(end.index for end in ends) == [0, 1, 2]
