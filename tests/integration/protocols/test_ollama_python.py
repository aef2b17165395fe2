"""Ollama's own Python client, unchanged: chats, prompts and embeddings."""

import asyncio
import json
from typing import Any

import ollama
import pytest
from pydantic import BaseModel

from backend.core.jobs.states import Protocol
from tests.integration.protocols.ollama_python import HELLO, SHORT, get_weather
from tests.platform import Platform


def test_a_chat_is_answered(ollama_client: ollama.Client) -> None:
    answer = ollama_client.chat("tiny-chat", HELLO, options=SHORT)

    assert answer.model == "tiny-chat"
    assert answer.message.role == "assistant"
    assert answer.message.content
    assert (answer.done, answer.done_reason, answer.eval_count) == (True, "length", 8)
    assert answer.prompt_eval_count
    assert answer.total_duration
    assert answer.eval_duration


def test_a_chat_is_streamed(ollama_client: ollama.Client) -> None:
    parts = list(ollama_client.chat("tiny-chat", HELLO, stream=True, options=SHORT))

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


def test_thoughts_are_told_apart(ollama_client: ollama.Client) -> None:
    asked = {"options": {"num_predict": 40}}
    whole = ollama_client.chat("tiny-think", HELLO, think=True, **asked)
    parts = list(
        ollama_client.chat("tiny-think", HELLO, think=True, stream=True, **asked)
    )
    silent = ollama_client.chat("tiny-think", HELLO, think=False, **asked)

    assert whole.message.thinking
    assert whole.message.thinking == "".join(p.message.thinking or "" for p in parts)
    assert whole.message.content == "".join(p.message.content or "" for p in parts)
    assert silent.message.thinking is None


def test_a_tool_is_called_and_its_result_is_read(ollama_client: ollama.Client) -> None:
    messages: list[Any] = [{"role": "user", "content": "Weather in Paris?"}]
    asked = ollama_client.chat("tiny-tools", messages, tools=[get_weather])
    (call,) = asked.message.tool_calls or ()
    messages += [
        asked.message,
        {
            "role": "tool",
            "tool_name": call.function.name,
            "content": get_weather(**call.function.arguments),
        },
    ]
    answer = ollama_client.chat("tiny-tools", messages, tools=[get_weather])

    assert call.function.name == "get_weather"
    assert answer.message.content


def test_a_streamed_tool_call_has_a_line_of_its_own(
    ollama_client: ollama.Client,
) -> None:
    parts = list(
        ollama_client.chat("tiny-tools", HELLO, tools=[get_weather], stream=True)
    )

    assert [bool(part.message.tool_calls) for part in parts] == [True, False]


class Person(BaseModel):
    name: str
    age: int


def test_an_answer_follows_a_schema(ollama_client: ollama.Client) -> None:
    answer = ollama_client.chat(
        "tiny-chat",
        HELLO,
        format=Person.model_json_schema(),
        options={"num_predict": 500},
    )

    assert Person.model_validate_json(answer.message.content or "")


def test_an_answer_is_json(ollama_client: ollama.Client) -> None:
    answer = ollama_client.chat(
        "tiny-chat", HELLO, format="json", options={"num_predict": 500}
    )

    assert isinstance(json.loads(answer.message.content or ""), dict)


def test_probabilities_are_told(ollama_client: ollama.Client) -> None:
    asked: dict[str, Any] = {"logprobs": True, "top_logprobs": 2, "options": SHORT}
    whole = ollama_client.chat("tiny-chat", HELLO, **asked)
    parts = list(ollama_client.generate("tiny-chat", "x", stream=True, **asked))

    assert len(whole.logprobs or ()) == 8
    assert all(len(token.top_logprobs or ()) == 2 for token in whole.logprobs or ())
    assert sum(len(part.logprobs or ()) for part in parts) == 8


def test_a_prompt_is_completed(ollama_client: ollama.Client) -> None:
    whole = ollama_client.generate(
        "tiny-chat", "Once", system="Be brief.", options=SHORT
    )
    parts = list(
        ollama_client.generate("tiny-chat", "Once", stream=True, options=SHORT)
    )
    raw = ollama_client.generate("tiny-chat", "<|assistant|>", raw=True, options=SHORT)
    own = ollama_client.generate(
        "tiny-chat", "Once", template="{{ .Prompt }}", options=SHORT
    )

    assert whole.response
    assert "".join(part.response or "" for part in parts)
    assert parts[-1].done_reason == "length"
    assert raw.response
    assert own.response


def test_texts_are_embedded(ollama_client: ollama.Client) -> None:
    several = ollama_client.embed("tiny-embed", ["the queue", "is fair", "the queue"])
    short = ollama_client.embed("tiny-embed", "the queue", dimensions=8)
    old = ollama_client.embeddings("tiny-embed", "the queue")

    assert [len(vector) for vector in several.embeddings] == [96] * 3
    assert several.embeddings[0] == several.embeddings[2]
    assert several.prompt_eval_count
    assert len(short.embeddings[0]) == 8
    assert list(old.embedding) == several.embeddings[0]


def test_a_job_knows_in_whose_words_it_was_asked_for(
    ollama_client: ollama.Client, platform: Platform
) -> None:
    ollama_client.chat("tiny-chat", HELLO, options=SHORT)
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
