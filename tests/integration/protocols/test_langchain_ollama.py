"""LangChain's integration of Ollama, unchanged."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_ollama import ChatOllama, OllamaEmbeddings
from ollama import ResponseError
from pydantic import BaseModel

from tests.platform import Platform

Make = Callable[..., Any]


@pytest.fixture
def make(platform: Platform) -> Iterator[Make]:
    """Give a maker of models of LangChain, which leaves it to us to close them."""
    headers = {"Authorization": f"Bearer {platform.key()}"}
    with ExitStack() as opened:

        def make(kind: type[Any] = ChatOllama, **more: Any) -> Any:
            asked = {"base_url": platform.url, "client_kwargs": {"headers": headers}}
            made = kind(**asked | more)
            opened.callback(made._client.close)
            return made

        yield make


@pytest.fixture
def chats(make: Make) -> Make:
    return partial(make, model="tiny-chat", num_predict=8)


def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"22 degrees in {city}"


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int


def test_a_chat_is_answered(chats: Make) -> None:
    answer = chats().invoke("one two three")

    assert answer.content
    assert answer.usage_metadata
    assert answer.usage_metadata["output_tokens"] == 8
    assert answer.response_metadata["done_reason"] == "length"


def test_a_chat_is_streamed(chats: Make) -> None:
    parts = list(chats().stream("one two three"))

    assert "".join(str(part.content) for part in parts)
    assert any(p.response_metadata.get("done_reason") == "length" for p in parts)


def test_options_of_the_platform_are_ignored(chats: Make) -> None:
    model = chats(num_ctx=512, num_gpu=1, keep_alive="10m")

    assert model.invoke("one two three").content


def test_a_tool_is_called_and_its_result_is_read(chats: Make) -> None:
    model = chats(model="tiny-tools").bind_tools([get_weather])
    asked = HumanMessage("Weather in Paris?")
    called = model.invoke([asked])
    (call,) = called.tool_calls
    told = ToolMessage(get_weather(**call["args"]), tool_call_id=call["id"])

    assert call["name"] == "get_weather"
    assert model.invoke([asked, called, told]).content


def test_an_answer_follows_a_schema(chats: Make) -> None:
    model = chats(num_predict=500).with_structured_output(Person, method="json_schema")

    assert isinstance(model.invoke("Who?"), Person)


def test_thoughts_are_told_apart(chats: Make) -> None:
    model = chats(model="tiny-think", reasoning=True, num_predict=40)

    assert model.invoke("Hello").additional_kwargs["reasoning_content"]


def test_texts_are_embedded(make: Make) -> None:
    embeddings = make(OllamaEmbeddings, model="tiny-embed")

    vectors = embeddings.embed_documents(["the queue", "is fair"])

    assert [len(vector) for vector in vectors] == [96, 96]
    assert embeddings.embed_query("the queue") == vectors[0]


def test_an_unknown_model_is_told(chats: Make) -> None:
    with pytest.raises(ResponseError, match="model 'nope' not found"):
        chats(model="nope").invoke("Hello")
