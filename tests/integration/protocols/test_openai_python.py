"""OpenAI's own client, unchanged."""

import asyncio
import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel

from tests.platform import Platform

ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "one two three"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
PICTURE = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


class City(BaseModel):
    """A city."""

    name: str
    people: int
    sights: list[str]


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


def test_the_clients_own_stream_helper_puts_an_answer_together(client: OpenAI) -> None:
    with client.chat.completions.stream(
        model="tiny-tools", messages=ASKED, tools=[WEATHER], max_tokens=100
    ) as stream:
        kinds = {event.type for event in stream}
        answer = stream.get_final_completion()

    assert "tool_calls.function.arguments.done" in kinds
    assert answer.choices[0].message.tool_calls


def test_a_tool_is_called_and_its_answer_read(client: OpenAI) -> None:
    messages = list(ASKED)
    first = client.chat.completions.create(
        model="tiny-tools", messages=messages, tools=[WEATHER], max_tokens=100
    )
    (call,) = first.choices[0].message.tool_calls or ()
    assert call.type == "function"
    city = json.loads(call.function.arguments)["city"]
    messages.append(first.choices[0].message.to_dict())  # type: ignore[arg-type]  # as its guide does
    messages.append({"role": "tool", "tool_call_id": call.id, "content": f"{city}: 20"})
    second = client.chat.completions.create(
        model="tiny-tools", messages=messages, tools=[WEATHER], max_tokens=100
    )

    assert first.choices[0].finish_reason == "tool_calls"
    assert second.choices[0].message.content
    assert second.choices[0].finish_reason == "stop"


def test_an_answer_is_parsed_into_a_model(client: OpenAI) -> None:
    answer = client.chat.completions.parse(
        model="tiny-chat", messages=ASKED, response_format=City, max_tokens=300
    )

    assert isinstance(answer.choices[0].message.parsed, City)


def test_an_answer_that_is_too_short_to_parse_says_so(client: OpenAI) -> None:
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(
            model="tiny-chat", messages=ASKED, response_format=City, max_tokens=3
        )


def test_an_image_is_sent(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model="tiny-vision",
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {
                        "type": "image_url",
                        "image_url": {"url": f"data:image/png;base64,{PICTURE}"},
                    },
                ],
            }
        ],
        max_tokens=8,
    )

    assert answer.choices[0].message.content


def test_thoughts_and_probabilities_are_there(client: OpenAI) -> None:
    thought = client.chat.completions.create(
        model="tiny-think", messages=ASKED, max_tokens=20
    )
    likely = client.chat.completions.create(
        model="tiny-chat", messages=ASKED, max_tokens=4, logprobs=True, top_logprobs=3
    )

    extra = thought.choices[0].message.model_extra
    assert extra
    assert extra["reasoning_content"]
    assert likely.choices[0].logprobs
    content = likely.choices[0].logprobs.content
    assert content
    assert [len(token.top_logprobs) for token in content] == [3] * 4


def test_texts_are_embedded_whichever_way_the_vectors_come(client: OpenAI) -> None:
    texts = ["one", "two"]
    packed = client.embeddings.create(model="tiny-embed", input=texts)
    plain = client.embeddings.create(
        model="tiny-embed", input=texts, encoding_format="float"
    )
    short = client.embeddings.create(model="tiny-embed", input=texts, dimensions=4)

    for one, other in zip(packed.data, plain.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, rel=1e-6)
    assert [len(one.embedding) for one in short.data] == [4, 4]


def test_a_prompt_is_completed_and_models_are_listed(client: OpenAI) -> None:
    done = client.completions.create(model="tiny-chat", prompt="One", max_tokens=4)
    names = {model.id for model in client.models.list()}

    assert done.choices[0].text
    assert "tiny-chat:latest" in names
    assert client.models.retrieve("tiny-chat:latest").id == "tiny-chat:latest"


# Errors
@pytest.mark.parametrize(
    ("change", "kind", "code"),
    [
        ({"model": "nobody"}, openai.NotFoundError, "model_not_found"),
        ({"n": 0}, openai.BadRequestError, "invalid_request"),
        (
            {"extra_headers": {"Authorization": "Bearer corral-none"}},
            openai.AuthenticationError,
            "invalid_api_key",
        ),
    ],
)
def test_an_error_is_the_clients_own(
    client: OpenAI, change: dict[str, Any], kind: type[openai.APIStatusError], code: str
) -> None:
    asked = {"model": "tiny-chat", "messages": ASKED, **change}
    with pytest.raises(kind) as raised:
        client.chat.completions.create(**asked)

    assert raised.value.code == code
    assert raised.value.request_id


def test_a_key_that_may_not_is_denied(platform: Platform) -> None:
    key = platform.key("zoe", allowed_models=("tiny-embed:latest",))
    with (
        OpenAI(base_url=f"{platform.url}/v1", api_key=key) as client,
        pytest.raises(openai.PermissionDeniedError),
    ):
        client.chat.completions.create(model="tiny-chat", messages=ASKED)


def test_a_conflict_is_not_tried_again(platform: Platform, client: OpenAI) -> None:
    key = {"Idempotency-Key": "an openai conflict"}
    client.completions.create(
        model="tiny-chat", prompt="One", max_tokens=4, extra_headers=key
    )
    sent: list[httpx.Request] = []
    with (
        httpx.Client(event_hooks={"request": [sent.append]}) as transport,
        pytest.raises(openai.ConflictError),
    ):
        client.with_options(http_client=transport).completions.create(
            model="tiny-chat", prompt="Two", max_tokens=4, extra_headers=key
        )

    assert len(sent) == 1


@pytest.mark.usefixtures("slowly")
def test_a_failure_in_mid_stream_is_raised(platform: Platform, client: OpenAI) -> None:
    platform.ollama.set_fault("tiny-chat", "mid_stream_error", after_tokens=15, count=1)
    stream = client.chat.completions.create(
        model="tiny-chat", messages=ASKED, max_tokens=50, stream=True
    )
    with stream, pytest.raises(openai.APIError) as raised:
        list(stream)

    assert raised.value.code == "attempt_restarted"


# Leaving
def was_left(requests: list[dict[str, Any]]) -> bool:
    """Tell whether the last chat's caller hung up."""
    chats = [one for one in requests if one["path"] == "/api/chat"]
    return bool(chats[-1]["state"] == "client_closed")


def test_closing_a_stream_stops_the_gpu(platform: Platform, client: OpenAI) -> None:
    platform.ollama.set_fault("tiny-chat", "slow", seconds=0.2, count=1)
    stream = client.chat.completions.create(
        model="tiny-chat", messages=ASKED, max_tokens=500, stream=True
    )
    next(stream)
    stream.close()

    platform.ollama.wait_for(was_left)


def test_a_time_out_stops_the_gpu(platform: Platform, client: OpenAI) -> None:
    platform.ollama.set_fault("tiny-chat", "hang", after_tokens=0, count=1)
    impatient = client.with_options(timeout=0.5, max_retries=0)
    with pytest.raises(openai.APITimeoutError):
        impatient.chat.completions.create(model="tiny-chat", messages=ASKED)

    platform.ollama.wait_for(was_left)


# The same, asynchronously
async def _everything(client: AsyncOpenAI) -> dict[str, Any]:
    async with client:
        chat = client.chat.completions
        whole = await chat.create(model="tiny-chat", messages=ASKED, max_tokens=8)
        stream = await chat.create(
            model="tiny-chat", messages=ASKED, max_tokens=8, stream=True
        )
        streamed = [chunk async for chunk in stream]
        tools = await chat.create(
            model="tiny-tools",
            messages=ASKED,
            tools=[WEATHER],
            tool_choice="required",
            max_tokens=100,
        )
        parsed = await chat.parse(
            model="tiny-chat", messages=ASKED, response_format=City, max_tokens=300
        )
        vectors = await client.embeddings.create(model="tiny-embed", input="one")
        try:
            await chat.create(model="nobody", messages=ASKED)
        except openai.NotFoundError as error:
            refused = error.code
    return {
        "whole": whole.choices[0].message.content,
        "streamed": "".join(c.choices[0].delta.content or "" for c in streamed),
        "calls": tools.choices[0].message.tool_calls,
        "parsed": parsed.choices[0].message.parsed,
        "vectors": vectors.data,
        "refused": refused,
    }


def test_the_asynchronous_client_works_as_well(platform: Platform) -> None:
    client = AsyncOpenAI(base_url=f"{platform.url}/v1", api_key=platform.key())
    found = asyncio.run(_everything(client))

    assert found["whole"] == found["streamed"]
    assert found["calls"][0].function.name == "get_weather"
    assert isinstance(found["parsed"], City)
    assert len(found["vectors"][0].embedding) == 96
    assert found["refused"] == "model_not_found"
