"""Chats on the wire: OpenAI's shapes, exactly framed, whatever happens."""

import httpx
import orjson
import pytest

from tests.contract.openai_shapes import check
from tests.integration.protocols.openai_wire import (
    CHAT,
    chat,
    chunks_of,
    data_of,
    deltas,
)
from tests.platform import Platform

PATHS = (CHAT, f"/api{CHAT}")
PICTURE = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize("path", PATHS)
def test_a_whole_answer_has_openais_shape(http: httpx.Client, path: str) -> None:
    reply = http.post(path, json=chat())

    assert reply.status_code == 200
    check("chat_completion", reply.json())
    assert reply.json()["choices"][0]["finish_reason"] == "length"
    assert reply.json()["usage"]["completion_tokens"] == 8


def test_a_stream_is_framed_exactly(http: httpx.Client) -> None:
    asked = chat(stream=True, stream_options={"include_usage": True})
    chunks = chunks_of(http.post(CHAT, json=asked))

    for chunk in chunks:
        check("chat_completion_chunk", chunk)
    assert len({(c["id"], c["created"], c["model"]) for c in chunks}) == 1
    first, *middle, last, usage = chunks
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert all(c["choices"][0]["finish_reason"] is None for c in (first, *middle))
    assert all("role" not in delta for delta in deltas(middle))
    assert last["choices"][0]["delta"] == {}
    assert last["choices"][0]["finish_reason"] == "length"
    assert {orjson.dumps(c["usage"]) for c in (first, *middle, last)} == {b"null"}
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] == 8


def test_without_the_wish_no_chunk_speaks_of_usage(http: httpx.Client) -> None:
    chunks = chunks_of(http.post(CHAT, json=chat(stream=True)))

    assert all("usage" not in chunk for chunk in chunks)
    assert chunks[-1]["choices"][0]["finish_reason"] == "length"


def test_whole_and_streamed_say_the_same(http: httpx.Client) -> None:
    whole = http.post(CHAT, json=chat(seed=7)).json()
    chunks = chunks_of(http.post(CHAT, json=chat(seed=7, stream=True)))

    text = "".join(delta.get("content", "") for delta in deltas(chunks))
    assert text == whole["choices"][0]["message"]["content"] != ""


def test_several_answers_stand_side_by_side(http: httpx.Client) -> None:
    whole = http.post(CHAT, json=chat(n=3)).json()
    chunks = chunks_of(http.post(CHAT, json=chat(n=3, stream=True)))

    check("chat_completion", whole)
    assert [choice["index"] for choice in whole["choices"]] == [0, 1, 2]
    for index in range(3):
        said = list(deltas(chunks, index))
        assert said[0]["role"] == "assistant"
        assert said[-1] == {}


@pytest.mark.usefixtures("slowly")
def test_a_failure_after_the_first_word_ends_with_an_error(
    platform: Platform, http: httpx.Client
) -> None:
    platform.ollama.set_fault("tiny-chat", "mid_stream_error", after_tokens=15, count=1)

    asked = chat(stream=True, max_tokens=30)
    *chunks, last = data_of(http.post(CHAT, json=asked))

    assert chunks
    check("error", orjson.loads(last))
    assert orjson.loads(last)["error"]["code"] == "attempt_restarted"


@pytest.mark.parametrize("stream", [False, True])
def test_a_failure_before_the_first_word_has_its_own_status(
    platform: Platform, http: httpx.Client, *, stream: bool
) -> None:
    text = 'option "seed" must be of type integer'
    platform.ollama.set_fault("tiny-chat", "error", status=400, text=text)

    reply = http.post(CHAT, json=chat(stream=stream))

    assert reply.status_code == 400
    check("error", reply.json())
    assert reply.json()["error"]["code"] == "invalid_upstream_request"
    assert reply.headers["x-should-retry"] == "false"
    assert reply.headers["X-Corral-Job-Id"]


# Forms, images, thoughts, probabilities
def test_an_answer_is_json_if_that_is_asked(http: httpx.Client) -> None:
    form = {"type": "json_object"}
    reply = http.post(CHAT, json=chat(response_format=form, max_tokens=200))

    assert orjson.loads(reply.json()["choices"][0]["message"]["content"])


def test_an_image_is_seen_by_a_model_that_sees(http: httpx.Client) -> None:
    seen = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}},
    ]
    message = [{"role": "user", "content": seen}]

    sees = http.post(CHAT, json=chat(model="tiny-vision", messages=message))
    blind = http.post(CHAT, json=chat(messages=message))

    assert sees.status_code == 200
    assert blind.status_code == 400
    assert blind.json()["error"]["param"] == "messages.0.content"
    assert blind.json()["error"]["code"] == "unsupported_by_model"


def test_thoughts_stand_beside_the_answer(http: httpx.Client) -> None:
    asked = chat(model="tiny-think", reasoning_effort="high", max_tokens=30)
    whole = http.post(CHAT, json=asked).json()
    chunks = chunks_of(http.post(CHAT, json={**asked, "stream": True}))
    none = http.post(CHAT, json={**asked, "reasoning_effort": "none"}).json()

    check("chat_completion", whole)
    thought = whole["choices"][0]["message"]["reasoning_content"]
    streamed = "".join(d.get("reasoning_content", "") for d in deltas(chunks))
    assert thought == streamed != ""
    assert "reasoning_content" not in none["choices"][0]["message"]


@pytest.mark.parametrize("stream", [False, True])
def test_probabilities_are_told_token_by_token(
    http: httpx.Client, *, stream: bool
) -> None:
    asked = chat(logprobs=True, top_logprobs=2, stream=stream)
    reply = http.post(CHAT, json=asked)
    if stream:
        chunks = chunks_of(reply)
        for chunk in chunks:
            check("chat_completion_chunk", chunk)
        text = "".join(delta.get("content", "") for delta in deltas(chunks))
        found = [c["choices"][0]["logprobs"] for c in chunks]
        tokens = [t for known in found if known for t in known["content"]]
    else:
        check("chat_completion", reply.json())
        choice = reply.json()["choices"][0]
        text, tokens = choice["message"]["content"], choice["logprobs"]["content"]

    assert len(tokens) == 8
    assert "".join(token["token"] for token in tokens) == text
    assert all(len(token["top_logprobs"]) == 2 for token in tokens)


def test_an_answer_says_where_it_was_made(http: httpx.Client) -> None:
    for more in ({}, {"stream": True}):
        headers = http.post(CHAT, json=chat(**more)).headers

        assert headers["X-Request-Id"]
        assert headers["X-Corral-Job-Id"]
        assert headers["X-Corral-Model"] == "tiny-chat:latest"
        assert headers["X-Corral-Node"] == "local"
        assert float(headers["X-Corral-Queue-Ms"]) >= 0
        assert float(headers["X-Corral-Overhead-Ms"]) > 0
