"""Anthropic's own client, unchanged."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import pytest
from anthropic import Anthropic, AsyncAnthropic
from anthropic.types import ToolParam

from backend.core.jobs.states import Protocol, State
from tests.integration.protocols.anthropic_calls import ASKED, PIXEL, create, seen
from tests.platform import Platform
from tests.stack import Stack


@pytest.fixture
def client(platform: Platform) -> Iterator[Anthropic]:
    with Anthropic(base_url=platform.url, api_key=platform.key()) as client:
        yield client


WEATHER: ToolParam = {
    "name": "get_weather",
    "description": "Tell the weather of a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


def test_a_message_is_answered(client: Anthropic) -> None:
    answer = create(client)

    assert answer.model == "tiny-chat"
    assert answer.content[0].type == "text"
    assert answer.content[0].text
    assert answer.stop_reason == "max_tokens"
    assert answer.usage.output_tokens == 8
    assert answer.usage.input_tokens > 0


def test_a_text_that_cites_nothing_has_no_citations(http: httpx.Client) -> None:
    asked = {"model": "tiny-chat", "messages": ASKED, "max_tokens": 8}

    answer = http.post("/v1/messages", json=asked).json()

    # Vercel's AI SDK refuses `null`.
    assert answer["content"][0].keys() == {"type", "text"}


def test_an_answer_that_ends_by_itself_says_so(client: Anthropic) -> None:
    assert create(client, max_tokens=4_000).stop_reason == "end_turn"


def test_the_job_behind_a_message_is_named_and_counted(
    client: Anthropic, platform: Platform
) -> None:
    raw = client.messages.with_raw_response.create(
        model="tiny-chat", messages=ASKED, max_tokens=8
    )

    job = platform.job(raw.headers["x-corral-job-id"])
    assert job.protocol is Protocol.ANTHROPIC
    assert job.completion_tokens == 8
    assert raw.headers["x-corral-model"] == "tiny-chat:latest"


def test_a_message_is_streamed(client: Anthropic) -> None:
    with client.messages.stream(
        model="tiny-chat", messages=ASKED, max_tokens=8
    ) as stream:
        events = [event.type for event in stream]
        answer = stream.get_final_message()

    assert events[:2] == ["message_start", "content_block_start"]
    assert events[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert answer.content[0].type == "text"
    assert answer.stop_reason == "max_tokens"
    assert answer.usage.output_tokens == 8


def test_a_stream_says_what_the_whole_answer_says(client: Anthropic) -> None:
    cold = {"extra_body": {"temperature": 0}}
    whole = create(client, **cold)
    with client.messages.stream(
        model="tiny-chat", messages=ASKED, max_tokens=8, **cold
    ) as stream:
        streamed = stream.get_final_message()

    assert streamed.content[0].type == whole.content[0].type == "text"
    assert streamed.content[0].text == whole.content[0].text


def test_a_system_prompt_may_be_a_text_or_blocks(
    client: Anthropic, platform: Platform
) -> None:
    create(client, system="Be brief.")
    create(client, system=[{"type": "text", "text": "Be brief."}])

    first, second = (platform.job(job.id) for job in platform.jobs()[:2])
    assert first.request["messages"] == second.request["messages"]
    assert first.request["messages"][0] == {"role": "system", "content": "Be brief."}


def test_tools_are_called_and_answered(client: Anthropic, platform: Platform) -> None:
    asked: list[Any] = [{"role": "user", "content": "How is the weather in Paris?"}]
    first = create(
        client, model="tiny-tools", messages=asked, tools=[WEATHER], max_tokens=200
    )
    call = next(block for block in first.content if block.type == "tool_use")
    given = {"type": "tool_result", "tool_use_id": call.id, "content": "21 degrees"}
    turns = [
        *asked,
        {
            "role": "assistant",
            "content": [block.model_dump() for block in first.content],
        },
        {"role": "user", "content": [given, {"type": "text", "text": "Thanks."}]},
    ]
    second = create(client, model="tiny-tools", messages=turns, max_tokens=8)

    assert first.stop_reason == "tool_use"
    assert (call.name, call.input) == ("get_weather", {"city": "Paris"})
    assert second.content[0].type == "text"
    sent = platform.job(platform.jobs()[0].id).request["messages"]
    assert [turn["role"] for turn in sent] == ["user", "assistant", "tool", "user"]
    assert sent[2] == {
        "role": "tool",
        "content": "21 degrees",
        "tool_call_id": call.id,
        "tool_name": "get_weather",
    }


def test_a_streamed_call_has_its_input_as_json(client: Anthropic) -> None:
    with client.messages.stream(
        model="tiny-tools",
        messages=[{"role": "user", "content": "How is the weather in Paris?"}],
        tools=[WEATHER],
        max_tokens=200,
    ) as stream:
        answer = stream.get_final_message()

    assert answer.stop_reason == "tool_use"
    assert answer.content[-1].type == "tool_use"
    assert answer.content[-1].input == {"city": "Paris"}


def test_no_tool_is_called_where_none_may_be(client: Anthropic) -> None:
    answer = create(
        client, model="tiny-tools", tools=[WEATHER], tool_choice={"type": "none"}
    )

    assert answer.stop_reason != "tool_use"


def test_thinking_is_a_block_of_its_own(client: Anthropic) -> None:
    wanted: Any = {
        "model": "tiny-think",
        "messages": ASKED,
        "max_tokens": 2_000,
        "thinking": {"type": "enabled", "budget_tokens": 1_024},
    }
    whole = create(client, **wanted)
    with client.messages.stream(**wanted) as stream:
        streamed = stream.get_final_message()

    for answer in (whole, streamed):
        assert [block.type for block in answer.content] == ["thinking", "text"]
        assert answer.content[0].type == "thinking"
        assert answer.content[0].thinking


def test_an_answer_keeps_to_a_schema(client: Anthropic) -> None:
    schema = {
        "type": "object",
        "properties": {"colour": {"type": "string", "enum": ["red", "green"]}},
        "required": ["colour"],
    }
    answer = create(
        client,
        max_tokens=500,
        output_config={"format": {"type": "json_schema", "schema": schema}},
    )

    assert answer.content[0].type == "text"
    assert json.loads(answer.content[0].text)["colour"] in ("red", "green")


def test_images_are_shown_to_models_that_see(
    client: Anthropic, platform: Platform
) -> None:
    create(client, model="tiny-vision", messages=seen())

    sent = platform.job(platform.jobs()[0].id).request["messages"]
    assert sent == [{"role": "user", "content": "See?", "images": [PIXEL]}]


def test_tokens_are_estimated(client: Anthropic) -> None:
    short = client.messages.count_tokens(model="tiny-chat", messages=ASKED)
    long = client.messages.count_tokens(
        model="tiny-chat", messages=ASKED, system="word " * 400, tools=[WEATHER]
    )

    assert 0 < short.input_tokens < 20
    assert long.input_tokens > 500


def test_a_token_is_as_good_as_a_key(platform: Platform) -> None:
    with Anthropic(base_url=platform.url, auth_token=platform.key()) as client:
        assert create(client).content


def test_whoever_leaves_stops_the_generation(
    client: Anthropic, platform: Platform
) -> None:
    platform.ollama.set_fault("tiny-chat", "slow", seconds=0.1)
    with client.messages.stream(
        model="tiny-chat", messages=ASKED, max_tokens=500
    ) as stream:
        for event in stream:
            if event.type == "text":
                break

    job_id = platform.jobs()[0].id
    Stack.until(lambda: platform.job(job_id).state is State.CANCELLED)


def test_many_ask_at_once(platform: Platform) -> None:
    async def ask() -> list[anthropic.types.Message]:
        async with AsyncAnthropic(
            base_url=platform.url, api_key=platform.key()
        ) as client:
            asks = [
                client.messages.create(model="tiny-chat", messages=ASKED, max_tokens=8)
                for _ in range(20)
            ]
            return await asyncio.gather(*asks)

    answers = asyncio.run(ask())

    assert all(answer.usage.output_tokens == 8 for answer in answers)
    assert len({answer.id for answer in answers}) == 20


def test_streamed_thinking_is_signed_at_its_end_so_that_it_is_sent_back(
    client: Anthropic,
) -> None:
    stream = client.messages.create(
        model="tiny-think", messages=ASKED, max_tokens=40, stream=True
    )

    deltas = [e.delta.type for e in stream if e.type == "content_block_delta"]

    kinds = list(dict.fromkeys(deltas))
    assert kinds == ["thinking_delta", "signature_delta", "text_delta"]
    assert deltas.count("signature_delta") == 1


def test_the_models_are_listed_as_anthropic_does(client: Anthropic) -> None:
    page = client.models.list(limit=1000)
    one = client.models.retrieve("tiny-chat")

    listed = {model.id: model for model in page}
    known = listed["tiny-chat:latest"]
    assert (known.type, known.display_name) == ("model", "tiny-chat:latest")
    assert known.created_at.tzinfo is not None
    assert (page.has_more, page.first_id) == (False, next(iter(listed)))
    assert (one.id, one.created_at) == ("tiny-chat", known.created_at)


def test_a_model_that_is_not_there_is_told_as_anthropic_does(client: Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.models.retrieve("nobody-has-it")

    body: Any = caught.value.body
    assert (body["type"], body["error"]["type"]) == ("error", "not_found_error")
