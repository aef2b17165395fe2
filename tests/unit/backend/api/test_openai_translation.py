"""From OpenAI's words to the native ones, and back."""

from types import SimpleNamespace
from typing import Any

import pytest

from backend.api.calls.naming import names, rename
from backend.api.openai.chat_answer import logprobs, usage
from backend.api.openai.chat_request import asked, messages
from backend.api.openai.completion_answer import logprobs as old_logprobs
from backend.api.openai.embeddings import embedded
from backend.api.openai.schemas.chat import ChatCompletionRequest
from backend.api.openai.schemas.embeddings import CreateEmbeddingRequest
from backend.api.openai.schemas.messages import ChatCompletionMessage
from backend.api.openai.tool_choice import tooling_of
from backend.core.errors import FieldError, InvalidRequestError

CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "f", "arguments": ""},
}


def request(**more: Any) -> dict[str, Any]:
    """Translate a request."""
    body = ChatCompletionRequest.model_validate(
        {"model": "m", "messages": [{"role": "user", "content": "hi"}], **more}
    )
    return asked(body, tooling_of(body)).request


def told(*sent: dict[str, Any]) -> list[dict[str, Any]]:
    """Translate messages."""
    return messages([ChatCompletionMessage.model_validate(one) for one in sent])


def test_options_have_ollamas_names() -> None:
    found = request(temperature=0, max_tokens=5, max_completion_tokens=7, stop="x")

    assert found["options"] == {"temperature": 0, "num_predict": 7, "stop": ["x"]}


@pytest.mark.parametrize(
    ("effort", "think"),
    [("none", False), ("minimal", "low"), ("medium", "medium"), ("xhigh", "max")],
)
def test_effort_is_thinking(effort: str, think: Any) -> None:
    assert request(reasoning_effort=effort)["think"] == think


def test_nothing_is_asked_that_was_not() -> None:
    assert set(request(logprobs=False, tools=[])) == {"messages", "options"}


def test_messages_keep_their_order_and_meaning() -> None:
    found = told(
        {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
        {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning": "hm"},
        {"role": "tool", "tool_call_id": "call_1", "content": "42"},
        {
            "role": "assistant",
            "content": [{"type": "refusal", "refusal": "No."}],
            "reasoning_content": "never",
        },
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "a"},
                {
                    "type": "image_url",
                    "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="},
                },
                {"type": "text", "text": "b"},
            ],
        },
    )

    function = {"name": "f", "arguments": {}}
    assert found == [
        {"role": "system", "content": "Be brief."},
        {
            "role": "assistant",
            "content": "",
            "thinking": "hm",
            "tool_calls": [{"id": "call_1", "function": function}],
        },
        {
            "role": "tool",
            "content": "42",
            "tool_name": "f",
            "tool_call_id": "call_1",
        },
        {"role": "assistant", "content": "No.", "thinking": "never"},
        {"role": "user", "content": "ab", "images": ["iVBORw0KGgo="]},
    ]


def test_an_answer_to_no_call_is_refused() -> None:
    with pytest.raises(InvalidRequestError) as raised:
        told({"role": "tool", "tool_call_id": "x", "content": ""})

    assert raised.value.errors[0].field == "messages.0.tool_call_id"


def test_an_error_speaks_in_the_callers_names() -> None:
    known = names((r"request\.options\.", ""), (r"request$", "messages"))
    error = InvalidRequestError(
        "request.options.seed: no",
        errors=(FieldError("request.options.seed", "no"), FieldError("other", "x")),
    )
    rename(error, known)

    assert error.detail == "seed: no"
    assert [one.field for one in error.errors] == ["seed", "other"]


def test_probabilities_have_both_shapes() -> None:
    known = [
        {"token": "é", "logprob": -0.5, "bytes": [195, 169]},
        {
            "token": "b",
            "logprob": -1.0,
            "top_logprobs": [{"token": "c", "logprob": -0.1, "bytes": [99]}],
        },
    ]
    found = logprobs(known)
    old = old_logprobs(known, 1, offset=3)

    assert logprobs([]) is None
    assert found == {
        "content": [
            {"token": "é", "logprob": -0.5, "bytes": [195, 169], "top_logprobs": []},
            {
                "token": "b",
                "logprob": -1.0,
                "bytes": None,
                "top_logprobs": [{"token": "c", "logprob": -0.1, "bytes": [99]}],
            },
        ],
        "refusal": None,
    }
    assert old == {
        "tokens": ["é", "b"],
        "token_logprobs": [-0.5, -1.0],
        "top_logprobs": [{}, {"c": -0.1}],
        "text_offset": [3, 4],
    }
    assert (old_logprobs(known, 0, offset=0) or {})["top_logprobs"] is None
    assert old_logprobs(known, None, offset=0) is None


def test_how_many_tokens_were_thoughts_is_told_where_it_is_known() -> None:
    assert usage(1, 2, thought=False)["completion_tokens_details"] == {
        "reasoning_tokens": 0
    }
    assert "completion_tokens_details" not in usage(1, 2, thought=True)


def test_vectors_that_ollama_did_not_cut_are_cut() -> None:
    body = CreateEmbeddingRequest.model_validate(
        {"model": "m", "input": "x", "dimensions": 2}
    )

    vectors = {"embeddings": [[3.0, 4.0, 12.0], [0.0, 0.0, 1.0]]}
    row: Any = SimpleNamespace(result=vectors, prompt_tokens=None)

    found = embedded(row, body)

    assert [one["embedding"] for one in found["data"]] == [[0.6, 0.8], [0.0, 0.0]]
    assert found["usage"]["total_tokens"] == 0
