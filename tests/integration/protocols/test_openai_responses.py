"""OpenAI's own client and its responses, unchanged."""

from collections.abc import Iterator

import pytest
from openai import OpenAI

from tests.platform import Platform


@pytest.fixture
def client(platform: Platform) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{platform.url}/v1", api_key=platform.key()) as client:
        yield client


def test_an_input_is_answered(client: OpenAI) -> None:
    told = client.responses.create(model="tiny-chat", input="one two three")

    assert told.status == "completed"
    assert told.output_text
    assert client.responses.retrieve(told.id) == told


def test_an_input_is_streamed(client: OpenAI) -> None:
    with client.responses.stream(model="tiny-think", input="one two three") as stream:
        for event in stream:
        told = stream.get_final_response()
    assert told.output_text
    again = client.responses.retrieve(told.id)
    assert again.output_text == told.output_text
