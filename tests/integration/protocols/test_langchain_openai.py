"""LangChain over OpenAI's protocol."""

from typing import Any

import openai
import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel, SecretStr

from tests.platform import Platform


class City(BaseModel):
    """A city."""

    name: str
    people: int


@tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"{city}: 20 degrees"


@pytest.fixture
def served(platform: Platform) -> dict[str, Any]:
    return {"base_url": f"{platform.url}/v1", "api_key": SecretStr(platform.key())}


def test_a_chat_is_answered_and_streamed(served: dict[str, Any]) -> None:
    model = ChatOpenAI(model="tiny-chat", max_completion_tokens=8, **served)
    whole = model.invoke("Hello")
    streamed = AIMessageChunk(content="")
    for chunk in model.stream("Hello", stream_usage=True):
        streamed += chunk  # type: ignore[assignment]  # its `+` gives a chunk

    assert whole.content
    assert streamed.content == whole.content
    assert whole.usage_metadata
    assert streamed.usage_metadata
    assert streamed.usage_metadata["output_tokens"] == 8
    assert whole.usage_metadata["output_tokens"] == 8


def test_a_tool_is_called_and_its_answer_read(served: dict[str, Any]) -> None:
    model = ChatOpenAI(model="tiny-tools", **served).bind_tools([get_weather])
    asked = HumanMessage("What is the weather in Paris?")
    first = model.invoke([asked])
    (call,) = first.tool_calls
    answered = ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])
    second = model.invoke([asked, first, answered])

    assert call["name"] == "get_weather"
    assert call["args"] == {"city": "Paris"}
    assert second.content


@pytest.mark.parametrize(
    ("model", "method"),
    [
        ("tiny-chat", "json_schema"),
        ("tiny-chat", "json_mode"),
        ("tiny-tools", "function_calling"),
    ],
)
def test_an_answer_has_a_structure(
    served: dict[str, Any], model: str, method: Any
) -> None:
    chat = ChatOpenAI(model=model, **served)
    shape: Any = dict if method == "json_mode" else City
    schema = None if method == "json_mode" else City
    found = chat.with_structured_output(schema, method=method).invoke("In JSON: Paris?")

    assert isinstance(found, shape)


def test_texts_are_embedded(served: dict[str, Any]) -> None:
    vectors = OpenAIEmbeddings(
        model="tiny-embed", check_embedding_ctx_length=False, **served
    )

    assert [len(one) for one in vectors.embed_documents(["one", "two"])] == [96, 96]
    assert len(vectors.embed_query("one")) == 96


def test_arrays_of_tokens_are_refused_with_what_to_do(platform: Platform) -> None:
    # What OpenAIEmbeddings sends by default, once it has fetched OpenAI's vocabulary.
    key = platform.key()
    with (
        openai.OpenAI(base_url=f"{platform.url}/v1", api_key=key) as client,
        pytest.raises(openai.BadRequestError, match="check_embedding_ctx_length=False"),
    ):
        client.embeddings.create(model="tiny-embed", input=[[1, 2, 3]])
