"""Completions, embeddings and models on the wire."""

import base64
import struct

import httpx
import pytest

from tests.contract.openai_shapes import check
from tests.integration.protocols.openai_wire import Json, chunks_of
from tests.platform import Platform


def completion(**more: object) -> Json:
    return {"model": "tiny-chat", "prompt": "Once upon", "max_tokens": 8, **more}


# Completions
def test_a_prompt_is_completed(http: httpx.Client) -> None:
    reply = http.post("/v1/completions", json=completion())

    check("completion", reply.json())
    assert reply.json()["choices"][0]["text"]
    assert reply.json()["choices"][0]["finish_reason"] == "length"
    assert reply.headers["X-Corral-Model"] == "tiny-chat:latest"


def test_several_prompts_have_several_answers(http: httpx.Client) -> None:
    asked = completion(prompt=["one", "two"], n=2, echo=True)
    whole = http.post("/v1/completions", json=asked).json()
    chunks = chunks_of(http.post("/v1/completions", json={**asked, "stream": True}))

    starts = ["one", "one", "two", "two"]
    check("completion", whole)
    assert [c["index"] for c in whole["choices"]] == [0, 1, 2, 3]
    for index, start in enumerate(starts):
        said = [c for chunk in chunks for c in chunk["choices"] if c["index"] == index]
        text = "".join(choice["text"] for choice in said)
        assert whole["choices"][index]["text"].startswith(start)
        assert text.startswith(start)
        assert len(text) > len(start)
        assert said[-1]["finish_reason"] == "length"


def test_a_completion_is_streamed_with_its_usage(http: httpx.Client) -> None:
    asked = completion(stream=True, stream_options={"include_usage": True})
    *chunks, usage = chunks_of(http.post("/v1/completions", json=asked))

    for chunk in (*chunks, usage):
        check("completion", chunk)
    assert all(chunk["usage"] is None for chunk in chunks)
    assert usage["usage"]["completion_tokens"] == 8


@pytest.mark.parametrize("stream", [False, True])
def test_a_completions_probabilities_have_their_old_shape(
    http: httpx.Client, *, stream: bool
) -> None:
    reply = http.post("/v1/completions", json=completion(logprobs=2, stream=stream))
    chunks = chunks_of(reply) if stream else [reply.json()]
    for chunk in chunks:
        check("completion", chunk)
    choices = [c for chunk in chunks for c in chunk["choices"]]
    text = "".join(c["text"] for c in choices)
    known = [c["logprobs"] for c in choices if c["logprobs"]]
    tokens = [t for one in known for t in one["tokens"]]
    places = [p for one in known for p in one["text_offset"]]
    tops = [top for one in known for top in one["top_logprobs"]]

    assert "".join(tokens) == text
    assert [text[p:].startswith(t) for p, t in zip(places, tokens, strict=True)] == (
        [True] * 8
    )
    assert {len(top) for top in tops} == {2}


def test_a_thinking_model_completes_without_thinking(
    platform: Platform, http: httpx.Client
) -> None:
    reply = http.post("/v1/completions", json=completion(model="tiny-think"))

    job = platform.job(reply.headers["X-Corral-Job-Id"])
    assert job.request["think"] is False
    assert reply.json()["choices"][0]["text"]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": [1, 2]}, "prompt"),
        ({"prompt": ["x"] * 9, "n": 2}, "prompt"),
        ({"best_of": 3}, "best_of"),
        ({"echo": True, "logprobs": 1}, "logprobs"),
        ({"suffix": "the end"}, "suffix"),
        ({"max_tokens": 10_000_000}, "max_tokens"),
        ({"logit_bias": {"1": 1}}, "logit_bias"),
    ],
)
def test_a_wrong_completion_is_refused(
    http: httpx.Client, more: Json, param: str
) -> None:
    reply = http.post("/v1/completions", json=completion(**more))

    assert reply.status_code == 400
    check("error", reply.json())
    assert reply.json()["error"]["param"] == param


# Embeddings
def embedded(http: httpx.Client, **more: object) -> httpx.Response:
    asked = {"model": "tiny-embed", "input": ["one", "two"], **more}
    return http.post("/v1/embeddings", json=asked)


def test_vectors_come_as_numbers_or_in_base64(http: httpx.Client) -> None:
    numbers = embedded(http).json()
    packed = embedded(http, encoding_format="base64").json()

    check("embeddings", numbers)
    check("embeddings", packed)
    assert numbers["usage"]["total_tokens"] > 0
    for plain, coded in zip(numbers["data"], packed["data"], strict=True):
        found = struct.unpack("<96f", base64.b64decode(coded["embedding"]))
        assert found == pytest.approx(plain["embedding"], rel=1e-6)


def test_vectors_are_cut_as_asked(http: httpx.Client) -> None:
    short = embedded(http, dimensions=8)
    long = embedded(http, dimensions=1000)

    assert [len(one["embedding"]) for one in short.json()["data"]] == [8, 8]
    assert long.status_code == 400
    assert long.json()["error"]["param"] == "dimensions"
    assert "96" in long.json()["error"]["message"]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": [[1, 2], [3]]}, "input"),
        ({"input": [1, 2, 3]}, "input"),
        ({"input": ["x"] * 2049}, "input"),
        ({"input": "word " * 2000}, None),
        ({"encoding_format": "int8"}, "encoding_format"),
        ({"dimensions": 0}, "dimensions"),
    ],
)
def test_wrong_inputs_are_refused(
    http: httpx.Client, more: Json, param: str | None
) -> None:
    reply = embedded(http, **more)

    assert reply.status_code == 400
    check("error", reply.json())
    assert reply.json()["error"]["param"] == param


# Models
def test_the_models_are_listed_and_shown(http: httpx.Client) -> None:
    listed = http.get("/v1/models").json()
    one = http.get("/v1/models/tiny-chat:latest").json()

    check("models", listed)
    check("model", one)
    assert one in listed["data"]
    assert one["owned_by"] == "library"
    assert http.get("/v1/models/tiny-chat").json()["id"] == "tiny-chat"


def test_a_key_sees_only_the_models_that_it_may_use(platform: Platform) -> None:
    key = platform.key("zoe", allowed_models=("tiny-chat:latest",))
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=platform.url, headers=headers) as http:
        listed = http.get("/v1/models").json()["data"]
        hidden = http.get("/v1/models/tiny-embed")
        unknown = http.get("/v1/models/who/knows:this")
        refused = embedded(http)

    assert [model["id"] for model in listed] == ["tiny-chat:latest"]
    for reply in (hidden, unknown):
        assert reply.status_code == 404
        check("error", reply.json())
        assert reply.json()["error"]["code"] == "model_not_found"
    assert refused.status_code == 403
