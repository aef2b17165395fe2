"""OpenAI's own client and its responses, unchanged."""

import asyncio
from collections.abc import Iterator

import openai
import orjson
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.responses import ResponseFunctionToolCall
from pydantic import BaseModel

from backend.core.jobs.states import State
from tests.integration.protocols.openai_responses import (
    CHAT,
    SHORT,
    WEATHER,
    job_of,
)
from tests.platform import Platform
from tests.stack import Stack


@pytest.fixture
def client(platform: Platform) -> Iterator[OpenAI]:
    key = platform.key()
    with OpenAI(base_url=f"{platform.url}/v1", api_key=key, max_retries=0) as client:
        yield client


def test_an_input_is_answered_and_can_be_asked_for_again(client: OpenAI) -> None:
    told = client.responses.create(**CHAT, metadata={"for": "a test"})

    assert told.status == "completed"
    assert told.output_text
    assert told.usage
    assert told.usage.input_tokens > 0
    assert told.metadata == {"for": "a test"}
    assert client.responses.retrieve(told.id) == told


def test_an_answer_that_was_cut_says_why(client: OpenAI) -> None:
    told = client.responses.create(**SHORT)

    assert told.status == "incomplete"
    assert told.incomplete_details
    assert told.incomplete_details.reason == "max_output_tokens"
    assert told.usage
    assert told.usage.output_tokens == 8


def test_an_answer_is_streamed_by_the_clients_helper(client: OpenAI) -> None:
    with client.responses.stream(model="tiny-think", input="one two") as stream:
        events = list(stream)
        told = stream.get_final_response()

    numbers = [event.sequence_number for event in events]
    assert numbers == list(range(len(numbers)))
    assert [item.type for item in told.output] == ["reasoning", "message"]
    again = client.responses.retrieve(told.id)
    assert again.output_text == told.output_text
    assert again.usage == told.usage


def test_the_async_client_is_answered_too(platform: Platform) -> None:
    async def both() -> tuple[str, str]:
        url = f"{platform.url}/v1"
        async with AsyncOpenAI(base_url=url, api_key=platform.key()) as client:
            whole = await client.responses.create(**SHORT)
            said = [
                event.delta
                async for event in await client.responses.create(**SHORT, stream=True)
                if event.type == "response.output_text.delta"
            ]
            return whole.output_text, "".join(said)

    whole, streamed = asyncio.run(both())

    assert whole
    assert streamed


class City(BaseModel):
    """What is asked for."""

    name: str
    people: int


def test_an_answer_is_parsed_as_the_callers_own_type(client: OpenAI) -> None:
    told = client.responses.parse(
        model="tiny-chat", input="Which city?", text_format=City
    )

    assert isinstance(told.output_parsed, City)


def test_a_call_goes_to_the_caller_and_comes_back(
    platform: Platform, client: OpenAI
) -> None:
    asked = client.responses.create(
        model="tiny-tools",
        input="How is the weather in Paris?",
        instructions="Be brief.",
        tools=[WEATHER],
    )
    (call,) = [i for i in asked.output if isinstance(i, ResponseFunctionToolCall)]
    answered = client.responses.create(
        model="tiny-tools",
        previous_response_id=asked.id,
        input=[
            {
                "type": "function_call_output",
                "call_id": call.call_id,
                "output": "20 degrees",
            }
        ],
        tools=[WEATHER],
    )

    assert call.name == "get_weather"
    assert isinstance(orjson.loads(call.arguments), dict)
    assert answered.output_text
    said = job_of(platform, answered).request["messages"]
    # The instructions were for the first one alone.
    assert [message["role"] for message in said] == ["user", "assistant", "tool"]
    assert said[2]["tool_name"] == "get_weather"
    assert said[1]["tool_calls"][0]["id"] == said[2]["tool_call_id"]


def test_a_conversation_goes_on_when_its_beginning_is_deleted(
    platform: Platform, client: OpenAI
) -> None:
    first = client.responses.create(**SHORT)
    second = client.responses.create(
        **{**SHORT, "input": "four"}, previous_response_id=first.id
    )
    client.responses.delete(first.id)
    third = client.responses.create(
        **{**SHORT, "input": "five"}, previous_response_id=second.id
    )

    said = job_of(platform, third).request["messages"]
    assert [message["content"] for message in said] == [
        "one two three",
        first.output_text,
        "four",
        second.output_text,
        "five",
    ]
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(**SHORT, previous_response_id=first.id)
    assert caught.value.code == "previous_response_not_found"
    assert caught.value.param == "previous_response_id"


# Kept, and not
def test_what_was_deleted_is_gone(platform: Platform, client: OpenAI) -> None:
    told = client.responses.create(**SHORT)

    client.responses.delete(told.id)

    for ask in (
        client.responses.retrieve,
        client.responses.delete,
        client.responses.cancel,
        client.responses.input_items.list,
    ):
        with pytest.raises(openai.NotFoundError) as caught:
            ask(told.id)
        assert caught.value.code == "response_not_found"
    job = job_of(platform, told)
    assert (job.request, job.result) == (None, None)
    assert job.completion_tokens == 8


def test_what_is_being_made_is_stopped_and_deleted(
    platform: Platform, client: OpenAI
) -> None:
    platform.ollama.set_fault("tiny-chat", "hang", after_tokens=3, count=1)
    begun = client.responses.create(**CHAT, background=True)
    platform.ollama.wait_for(
        lambda found: (
            [one["state"] for one in found if one["path"] == "/api/chat"][-1:]
            == ["open"]
        )
    )

    client.responses.delete(begun.id)

    platform.ollama.wait_for(
        lambda found: (
            [one["state"] for one in found if one["path"] == "/api/chat"][-1:]
            == ["client_closed"]
        )
    )
    job = job_of(platform, begun)
    assert (job.state, job.request, job.result) == (State.CANCELLED, None, None)


@pytest.mark.parametrize("stream", [False, True])
def test_what_shall_not_be_kept_is_not(
    platform: Platform, client: OpenAI, *, stream: bool
) -> None:
    told = client.responses.create(**SHORT, store=False, stream=stream)
    if stream:
        *_, last = told
        told = last.response

    assert told.output_text
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(told.id)
    Stack.until(lambda: job_of(platform, told).payload_expired, seconds=5)


def test_a_response_is_nobody_elses(platform: Platform, client: OpenAI) -> None:
    told = client.responses.create(**SHORT)

    for user in ("ben", "the-administrator"):
        other = client.with_options(api_key=platform.key(user))
        with pytest.raises(openai.NotFoundError):
            other.responses.retrieve(told.id)
        with pytest.raises(openai.BadRequestError):
            other.responses.create(**SHORT, previous_response_id=told.id)


def test_the_items_of_an_input_are_listed_page_by_page(client: OpenAI) -> None:
    told = client.responses.create(
        model="tiny-chat",
        max_output_tokens=4,
        input=[
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
            {"role": "assistant", "content": "Hello!"},
            {"type": "message", "role": "user", "content": "Good bye"},
        ],
    )

    newest = list(client.responses.input_items.list(told.id, limit=3))
    oldest = list(client.responses.input_items.list(told.id, order="asc"))

    assert [item.id for item in newest] == [item.id for item in reversed(oldest)]
    assert [item.role for item in oldest] == ["developer", "user", "assistant", "user"]
    assert oldest[1].content[0].text == "Hello"
