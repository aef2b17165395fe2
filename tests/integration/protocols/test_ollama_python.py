"""Ollama's own Python client, unchanged."""

import asyncio
import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import ollama
import pytest
from pydantic import BaseModel

from backend.core.jobs.records import JobRecord
from backend.core.jobs.states import Protocol, State
from backend.core.keys import Scope
from tests.platform import Platform

HELLO = [{"role": "user", "content": "one two three"}]
SHORT = {"num_predict": 8}
# A tiny model at this temperature does not end by itself.
ENDLESS = {"num_predict": 2000, "temperature": 0}
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJ"
    "RU5ErkJggg=="
)


def client_of(platform: Platform, key: str, **more: Any) -> ollama.Client:
    headers = {"Authorization": f"Bearer {key}"}
    return ollama.Client(platform.url, headers=headers, **more)


@pytest.fixture
def client(platform: Platform) -> Iterator[ollama.Client]:
    with client_of(platform, platform.key()) as client:
        yield client


@pytest.fixture
def admin(platform: Platform) -> Iterator[ollama.Client]:
    with client_of(platform, platform.key("root", *Scope)) as client:
        yield client


@pytest.fixture
def slowly(platform: Platform) -> Iterator[None]:
    """Let tokens come one by one, so that an answer can be interrupted."""
    platform.ollama.configure(tokens_per_second=40)
    yield
    platform.ollama.configure(tokens_per_second=0)


def test_a_chat_is_answered(client: ollama.Client) -> None:
    answer = client.chat("tiny-chat", HELLO, options=SHORT)

    assert answer.model == "tiny-chat"
    assert answer.message.role == "assistant"
    assert answer.message.content
    assert (answer.done, answer.done_reason, answer.eval_count) == (True, "length", 8)
    assert answer.prompt_eval_count
    assert answer.total_duration
    assert answer.eval_duration


def test_a_chat_is_streamed(client: ollama.Client) -> None:
    parts = list(client.chat("tiny-chat", HELLO, stream=True, options=SHORT))

    assert "".join(part.message.content or "" for part in parts)
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert parts[-1].done_reason == "length"
    assert parts[-1].eval_count == 8


def test_the_key_is_taken_from_the_environment(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", platform.key())

    with ollama.Client(platform.url) as client:
        assert client.chat("tiny-chat", HELLO, options=SHORT).done


def test_thoughts_are_told_apart(client: ollama.Client) -> None:
    asked = {"options": {"num_predict": 40}}
    whole = client.chat("tiny-think", HELLO, think=True, **asked)
    parts = list(client.chat("tiny-think", HELLO, think=True, stream=True, **asked))
    silent = client.chat("tiny-think", HELLO, think=False, **asked)

    assert whole.message.thinking
    assert whole.message.thinking == "".join(p.message.thinking or "" for p in parts)
    assert whole.message.content == "".join(p.message.content or "" for p in parts)
    assert silent.message.thinking is None


def get_weather(city: str) -> str:
    """Tell the weather of a city.

    Args:
        city: Its name.
    """
    return f"22 degrees in {city}"


def test_a_tool_is_called_and_its_result_is_read(client: ollama.Client) -> None:
    messages: list[Any] = [{"role": "user", "content": "Weather in Paris?"}]
    asked = client.chat("tiny-tools", messages, tools=[get_weather])
    (call,) = asked.message.tool_calls or ()
    messages += [
        asked.message,
        {
            "role": "tool",
            "tool_name": call.function.name,
            "content": get_weather(**call.function.arguments),
        },
    ]
    answer = client.chat("tiny-tools", messages, tools=[get_weather])

    assert call.function.name == "get_weather"
    assert answer.message.content


def test_a_streamed_tool_call_has_a_line_of_its_own(client: ollama.Client) -> None:
    parts = list(client.chat("tiny-tools", HELLO, tools=[get_weather], stream=True))

    assert [bool(part.message.tool_calls) for part in parts] == [True, False]


class Person(BaseModel):
    name: str
    age: int


def test_an_answer_follows_a_schema(client: ollama.Client) -> None:
    answer = client.chat(
        "tiny-chat",
        HELLO,
        format=Person.model_json_schema(),
        options={"num_predict": 500},
    )

    assert Person.model_validate_json(answer.message.content or "")


def test_an_answer_is_json(client: ollama.Client) -> None:
    answer = client.chat(
        "tiny-chat", HELLO, format="json", options={"num_predict": 500}
    )

    assert isinstance(json.loads(answer.message.content or ""), dict)


def test_probabilities_are_told(client: ollama.Client) -> None:
    asked: dict[str, Any] = {"logprobs": True, "top_logprobs": 2, "options": SHORT}
    whole = client.chat("tiny-chat", HELLO, **asked)
    parts = list(client.generate("tiny-chat", "x", stream=True, **asked))

    assert len(whole.logprobs or ()) == 8
    assert all(len(token.top_logprobs or ()) == 2 for token in whole.logprobs or ())
    assert sum(len(part.logprobs or ()) for part in parts) == 8


def test_a_prompt_is_completed(client: ollama.Client) -> None:
    whole = client.generate("tiny-chat", "Once", system="Be brief.", options=SHORT)
    parts = list(client.generate("tiny-chat", "Once", stream=True, options=SHORT))
    raw = client.generate("tiny-chat", "<|assistant|>", raw=True, options=SHORT)
    own = client.generate("tiny-chat", "Once", template="{{ .Prompt }}", options=SHORT)

    assert whole.response
    assert "".join(part.response or "" for part in parts)
    assert parts[-1].done_reason == "length"
    assert raw.response
    assert own.response


def test_texts_are_embedded(client: ollama.Client) -> None:
    several = client.embed("tiny-embed", ["the queue", "is fair", "the queue"])
    short = client.embed("tiny-embed", "the queue", dimensions=8)
    old = client.embeddings("tiny-embed", "the queue")

    assert [len(vector) for vector in several.embeddings] == [96] * 3
    assert several.embeddings[0] == several.embeddings[2]
    assert several.prompt_eval_count
    assert len(short.embeddings[0]) == 8
    assert list(old.embedding) == several.embeddings[0]


def test_models_are_listed_and_shown(client: ollama.Client) -> None:
    client.chat("tiny-chat")
    listed = {model.model: model for model in client.list().models}
    loaded = {model.model: model for model in client.ps().models}
    shown = client.show("tiny-chat")

    assert listed["tiny-chat:latest"].digest
    assert listed["tiny-chat:latest"].size
    assert listed["tiny-chat:latest"].modified_at
    assert loaded["tiny-chat:latest"].expires_at
    assert loaded["tiny-chat:latest"].context_length == 2048
    assert shown.template
    assert shown.parameters
    assert shown.capabilities == ["completion"]
    assert shown.modelinfo
    assert shown.modelinfo["llama.context_length"] == 8192


def test_a_key_sees_only_its_models(platform: Platform) -> None:
    key = platform.key("one-model", allowed_models=["tiny-embed:latest"])
    with client_of(platform, key) as client:
        listed = [model.model for model in client.list().models]
        with pytest.raises(ollama.ResponseError) as caught:
            client.show("tiny-chat")

    assert listed == ["tiny-embed:latest"]
    assert caught.value.status_code == 403


def test_a_model_is_pulled_and_used_copied_and_deleted(admin: ollama.Client) -> None:
    steps = list(admin.pull("from-python:1b", stream=True))
    assert steps[0].status == "pulling manifest"
    assert steps[-1].status == "success"
    assert any(step.total and step.digest for step in steps)

    assert admin.chat("from-python:1b", HELLO, options=SHORT).message.content
    assert admin.pull("from-python:1b").status == "success"

    assert admin.copy("from-python:1b", "second-name").status == "success"
    names = {model.model for model in admin.list().models}
    assert {"from-python:1b", "second-name:latest"} <= names

    for name in ("from-python:1b", "second-name"):
        assert admin.delete(name).status == "success"
        with pytest.raises(ollama.ResponseError, match=f"model '{name}' not found"):
            admin.chat(name, HELLO)
        with pytest.raises(ollama.ResponseError, match="not found"):
            admin.delete(name)


def test_a_pull_that_fails_says_why(admin: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError, match="file does not exist") as caught:
        list(admin.pull("missing:1b", stream=True))

    assert caught.value.status_code == 404


def test_only_administrators_change_models(client: ollama.Client) -> None:
    for change in (
        lambda: client.pull("another:1b"),
        lambda: client.copy("tiny-chat", "another"),
        lambda: client.delete("tiny-chat"),
    ):
        with pytest.raises(ollama.ResponseError, match="admin") as caught:
            change()
        assert caught.value.status_code == 403


def test_an_image_is_seen_by_a_model_with_vision(admin: ollama.Client) -> None:
    admin.pull("llava:7b")
    seen = [{"role": "user", "content": "What is it?", "images": [PNG]}]

    assert admin.chat("llava:7b", seen, options=SHORT).message.content
    assert admin.generate("llava:7b", "What?", images=[PNG], options=SHORT).response
    with pytest.raises(ollama.ResponseError, match="does not support vision"):
        admin.chat("tiny-chat", seen)


@pytest.mark.parametrize(
    ("asked", "status", "text"),
    [
        ({"model": "nope"}, 404, "model 'nope' not found"),
        ({"model": "tiny-embed"}, 400, '"tiny-embed" does not support chat'),
        ({"think": True}, 400, '"tiny-chat" does not support thinking'),
        ({"tools": [get_weather]}, 400, "tiny-chat:latest does not support tools"),
        ({"options": {"temperature": "hot"}}, 400, "options.temperature"),
        ({"keep_alive": "300"}, 400, 'time: missing unit in duration "300"'),
        ({"options": {"num_predict": 10**9}}, 400, "options.num_predict"),
    ],
)
def test_a_mistake_is_told(
    client: ollama.Client, asked: dict[str, Any], status: int, text: str
) -> None:
    for stream in (True, False):
        with pytest.raises(ollama.ResponseError) as caught:
            list(
                client.chat(
                    **{"model": "tiny-chat", "messages": HELLO, "stream": stream}
                    | asked
                )
            )

        assert caught.value.status_code == status
        assert text in caught.value.error


def test_a_wrong_key_is_told(platform: Platform) -> None:
    with (
        client_of(platform, "corral-wrong") as client,
        pytest.raises(ollama.ResponseError) as caught,
    ):
        client.list()

    assert caught.value.status_code == 401


def test_an_answer_that_breaks_off_ends_with_an_error(
    client: ollama.Client, platform: Platform, slowly: None
) -> None:
    platform.ollama.set_fault("tiny-chat", "crash", count=1, after_tokens=10)
    parts: list[ollama.ChatResponse] = []

    with pytest.raises(ollama.ResponseError, match="begin anew"):
        parts.extend(client.chat("tiny-chat", HELLO, stream=True))

    assert parts
    assert not any(part.done for part in parts)


def test_a_whole_answer_survives_a_crash(
    client: ollama.Client, platform: Platform
) -> None:
    platform.ollama.set_fault("tiny-chat", "crash", count=1, after_tokens=3)

    assert client.chat("tiny-chat", HELLO, options=SHORT).eval_count == 8


def latest_ended(platform: Platform) -> JobRecord:
    """Wait until the job that was submitted last has ended."""
    give_up_at = time.monotonic() + 10
    while (job := platform.jobs()[0]).finished_at is None:
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
    return job


def test_a_stream_that_is_closed_stops_the_gpu(
    client: ollama.Client, platform: Platform, slowly: None
) -> None:
    parts = client.chat("tiny-chat", HELLO, stream=True, options=ENDLESS)
    next(iter(parts))
    parts.close()  # type: ignore[attr-defined]  # it is a generator

    assert latest_ended(platform).state is State.CANCELLED
    platform.ollama.wait_for(lambda seen: seen[-1]["state"] == "client_closed")


def test_a_caller_that_waits_no_longer_stops_the_gpu(
    platform: Platform, slowly: None
) -> None:
    with (
        client_of(platform, platform.key(), timeout=1.0) as client,
        pytest.raises(httpx.ReadTimeout),
    ):
        client.chat("tiny-chat", HELLO, options=ENDLESS)

    assert latest_ended(platform).state is State.CANCELLED


def test_a_job_knows_in_whose_words_it_was_asked_for(
    client: ollama.Client, platform: Platform
) -> None:
    client.chat("tiny-chat", HELLO, options=SHORT)
    job = platform.jobs()[0]

    assert (job.protocol, job.requested_model) == (Protocol.OLLAMA, "tiny-chat")
    assert job.completion_tokens == 8


def test_everything_goes_at_once_with_the_other_client(platform: Platform) -> None:
    async def ask() -> tuple[Any, ...]:
        headers = {"Authorization": f"Bearer {platform.key()}"}
        async with ollama.AsyncClient(platform.url, headers=headers) as client:
            answers = await asyncio.gather(
                *(client.chat("tiny-chat", HELLO, options=SHORT) for _ in range(10)),
                client.generate("tiny-chat", "Once", options=SHORT),
                client.embed("tiny-embed", "the queue"),
                client.list(),
                client.ps(),
                client.show("tiny-chat"),
            )
            parts = [
                part
                async for part in await client.chat(
                    "tiny-chat", HELLO, stream=True, options=SHORT
                )
            ]
            with pytest.raises(ollama.ResponseError, match="not found"):
                await client.chat("nope", HELLO)
            return (*answers, parts)

    *chats, generated, embedded, listed, loaded, shown, parts = asyncio.run(ask())

    assert all(chat.eval_count == 8 for chat in chats)
    assert generated.response
    assert len(embedded.embeddings[0]) == 96
    assert listed.models
    assert loaded.models
    assert shown.capabilities
    assert parts[-1].done
