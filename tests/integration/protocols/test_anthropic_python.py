"""Anthropic's own client, unchanged."""

import asyncio
import base64
import json
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic
from anthropic.types import MessageParam, ToolParam

from backend.core.jobs.states import Protocol, State
from tests.platform import Platform
from tests.stack import Stack

ASKED: list[MessageParam] = [{"role": "user", "content": "one two three"}]
WEATHER: ToolParam = {
    "name": "get_weather",
    "description": "Tell the weather of a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
PIXEL = base64.b64encode(
    base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
        "awAAAABJRU5ErkJggg=="
    )
).decode()


@pytest.fixture
def client(platform: Platform) -> Iterator[Anthropic]:
    with Anthropic(base_url=platform.url, api_key=platform.key()) as client:
        yield client


def create(client: Anthropic, **over: Any) -> anthropic.types.Message:
    wanted = {"model": "tiny-chat", "messages": ASKED, "max_tokens": 8} | over
    found: anthropic.types.Message = client.messages.create(**wanted)
    return found


def test_a_message_is_answered(client: Anthropic) -> None:
    answer = create(client)

    assert answer.model == "tiny-chat"
    assert answer.content[0].type == "text"
    assert answer.content[0].text
    assert answer.stop_reason == "max_tokens"
    assert answer.usage.output_tokens == 8
    assert answer.usage.input_tokens > 0


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


def test_thinking_is_asked_of_models_that_can(client: Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="thinking"):
        create(client, thinking={"type": "enabled", "budget_tokens": 1_024})


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


def seen(media: str = "image/png") -> list[Any]:
    source = {"type": "base64", "media_type": media, "data": PIXEL}
    image = {"type": "image", "source": source}
    return [{"role": "user", "content": [{"type": "text", "text": "See?"}, image]}]


def test_images_are_shown_to_models_that_see(
    client: Anthropic, platform: Platform
) -> None:
    create(client, model="tiny-vision", messages=seen())

    sent = platform.job(platform.jobs()[0].id).request["messages"]
    assert sent == [{"role": "user", "content": "See?", "images": [PIXEL]}]


def test_images_are_refused_for_models_that_do_not_see(client: Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="vision"):
        create(client, messages=seen())


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


def test_wrong_keys_are_told_as_anthropic_does(platform: Platform) -> None:
    with (
        Anthropic(base_url=platform.url, api_key="corral-nobody") as client,
        pytest.raises(anthropic.AuthenticationError) as caught,
    ):
        create(client)

    body: Any = caught.value.body
    assert body["type"] == "error"
    assert body["error"]["type"] == "authentication_error"


def test_unknown_models_are_told_as_anthropic_does(client: Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="nobody-has-it"):
        create(client, model="nobody-has-it")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 10**9}, "max_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "nobody", "content": "x"}]}, "messages.0.role"),
        (
            {"messages": [{"role": "user", "content": [{"type": "video"}]}]},
            "messages.0.content.0.type",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": 1}]}]},
            "messages.0.content.0.text",
        ),
        ({"mcp_servers": [{"type": "url"}]}, "mcp_servers"),
    ],
)
def test_what_is_wrong_is_told_with_its_field(
    client: Anthropic, wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(anthropic.BadRequestError) as caught:
        create(client, extra_body=wrong)

    body: Any = caught.value.body
    assert body["error"]["type"] == "invalid_request_error"
    assert body["error"]["message"].startswith(f"{field}: ")


def test_a_failure_after_the_first_word_is_an_error_event(
    client: Anthropic, platform: Platform
) -> None:
    platform.ollama.set_fault("tiny-chat", "mid_stream_error", after_tokens=3)

    with (
        pytest.raises(anthropic.APIStatusError, match="begin anew"),
        client.messages.stream(
            model="tiny-chat", messages=ASKED, max_tokens=50
        ) as stream,
    ):
        for _ in stream:
            pass


def test_a_failure_before_the_first_word_has_its_own_status(
    client: Anthropic, platform: Platform
) -> None:
    platform.ollama.set_fault(
        "tiny-chat",
        "error",
        status=400,
        text="the input length exceeds the context length",
        count=1,
    )

    with (
        pytest.raises(anthropic.BadRequestError, match="context"),
        client.messages.stream(model="tiny-chat", messages=ASKED, max_tokens=50),
    ):
        pass


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
