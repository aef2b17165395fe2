import base64
import hashlib
import json
import struct
from typing import Any

import pytest

from tests.unit.infra.ollama_sim.stage import HELLO, Stage, hello, played

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


@played
async def test_like_texts_have_like_vectors() -> None:
    texts = ["the queue is fair", "the queue is long", "birds sing", ""]
    body = {"model": "nomic-embed-text", "input": texts}

    reply = await Stage().post("/api/embed", body)

    fair, long, birds, empty = reply.json["embeddings"]
    assert len(fair) == len(empty) == 768
    assert _likeness(fair, fair) == pytest.approx(1)
    assert _likeness(fair, long) > 0.5 > _likeness(fair, birds)


def _likeness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@played
async def test_the_old_and_the_new_way_give_the_same_vector() -> None:
    stage = Stage()
    old = await stage.post("/api/embeddings", {"model": "tiny-embed", "prompt": "hi"})
    new = await stage.post("/api/embed", {"model": "tiny-embed", "input": "hi"})

    assert [old.json["embedding"]] == new.json["embeddings"]


@played
async def test_a_vector_in_base64_is_the_same() -> None:
    stage = Stage()
    body = {"model": "tiny-embed", "input": "hi"}
    plain = await stage.post("/v1/embeddings", body)
    packed = await stage.post("/v1/embeddings", {**body, "encoding_format": "base64"})

    data = base64.b64decode(packed.json["data"][0]["embedding"])
    assert list(struct.unpack("<96f", data)) == pytest.approx(
        plain.json["data"][0]["embedding"], abs=1e-6
    )


@played
async def test_a_created_model_has_its_own_system_and_parameters() -> None:
    stage = Stage()
    body = {"from": "tiny-chat", "model": "mine", "parameters": {"stop": ["is"]}}

    created = await stage.post("/api/create", {**body, "stream": False})
    shown = await stage.post("/api/show", {"model": "mine"})
    text = (await stage.post("/api/chat", hello("mine", sim_tokens=200))).text

    assert created.json == {"status": "success"}
    assert 'stop                           "is"' in shown.json["parameters"]
    assert "is" not in text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"model": "x"}, 'neither "from" or "files" was specified'),
        ({"model": "a b", "from": "tiny-chat"}, "invalid model name"),
        ({"model": "x", "from": "nothing"}, "model 'nothing' not found"),
    ],
)
@played
async def test_a_model_made_of_nothing_is_refused(
    body: dict[str, Any], text: str
) -> None:
    reply = await Stage().post("/api/create", body)

    assert reply.status >= 400
    assert reply.json == {"error": text}


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("/api/copy", {"source": "a b"}, 'source "a b" is invalid'),
        (
            "/api/copy",
            {"source": "a", "destination": "!"},
            'destination "!" is invalid',
        ),
    ],
)
@played
async def test_a_bad_name_is_refused(
    path: str, body: dict[str, Any], text: str
) -> None:
    reply = await Stage().post(path, body)

    assert (reply.status, reply.json) == (400, {"error": text})


@played
async def test_a_deleted_model_leaves_memory_too() -> None:
    stage = Stage()
    await stage.post("/api/chat", hello())

    reply = await stage.start("/api/delete", {"model": "tiny-chat"}, "DELETE").reply()

    assert reply.status == 200
    assert (await stage.get("/api/ps")).json == {"models": []}
    bad = await stage.start("/api/delete", {"model": "a b"}, "DELETE").reply()
    assert bad.json == {"error": 'name "a b" is invalid'}


@played
async def test_a_blob_is_taken_if_its_digest_is_right() -> None:
    stage = Stage()
    digest = f"sha256:{hashlib.sha256(b'weights').hexdigest()}"
    path = f"/api/blobs/{digest}"
    assert (await stage.start(path, None, "HEAD").reply()).status == 404

    wrong = await stage.post("/api/blobs/sha256:00", b"weights")
    right = await stage.post(path, b"weights")

    assert (wrong.status, right.status) == (400, 201)
    assert (await stage.start(path, None, "HEAD").reply()).status == 200


@played
async def test_a_generate_request_can_be_streamed_and_loads_without_a_prompt() -> None:
    stage = Stage()
    load = await stage.post("/api/generate", {"model": "tiny-chat"})
    body = {"model": "tiny-think", "prompt": "Hi", "options": {"num_predict": 9}}
    reply = await stage.post("/api/generate", body)

    assert load.json["done_reason"] == "load"
    assert [line.get("thinking") for line in reply.lines[:2]] == ["Let", " me"]
    assert reply.lines[-1]["eval_count"] == 9


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"num_ctx": "big"}, 'option "num_ctx" must be of type integer'),
        ({"top_p": []}, 'option "top_p" must be of type float32'),
        ({"use_mmap": 1}, 'option "use_mmap" must be of type boolean'),
        ({"stop": "is"}, 'option "stop" must be of type array'),
        ({"stop": [1]}, 'option "stop" must be of an array of strings'),
    ],
)
@played
async def test_an_option_of_the_wrong_type_is_an_error_of_the_server(
    options: dict[str, Any], text: str
) -> None:
    stage = Stage()

    for path, body in (
        ("/api/chat", {**HELLO, "options": options}),
        ("/api/embed", {"model": "tiny-embed", "input": "a", "options": options}),
    ):
        reply = await stage.post(path, body)
        assert (reply.status, reply.json) == (500, {"error": text})


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"messages": ["Hi"]}, "cannot unmarshal string into Go struct field"),
        ({"tools": [1]}, "cannot unmarshal number into Go struct field"),
        ({"think": 1}, "think must be a boolean or string"),
        ({"stream": "no"}, "ChatRequest.stream of type bool"),
    ],
)
@played
async def test_a_chat_of_the_wrong_shape_is_refused(
    change: dict[str, Any], text: str
) -> None:
    reply = await Stage().post("/api/chat", {**HELLO, **change})

    assert reply.status == 400
    assert text in reply.json["error"]


@pytest.mark.parametrize("image", ["%", "abcde"])
@played
async def test_an_image_must_be_base64(image: str) -> None:
    body = {"model": "tiny-chat", "prompt": "Look", "images": [image]}

    reply = await Stage().post("/api/generate", body)

    assert "illegal base64 data at input byte" in reply.json["error"]


def events(body: bytes) -> list[Any]:
    lines = [line.removeprefix(b"data: ") for line in body.splitlines() if line]
    assert lines.pop() == b"[DONE]"
    return [json.loads(line) for line in lines]


@played
async def test_the_openai_path_streams_thoughts_and_tool_calls() -> None:
    body = {**HELLO, "model": "qwen3:0.6b", "tools": [TOOL], "stream": True}

    reply = await Stage().post("/v1/chat/completions", body)

    choices = [event["choices"][0] for event in events(reply.body)]
    assert choices[0]["delta"]["reasoning"] == "Let"
    call = choices[-2]["delta"]["tool_calls"][0]
    assert json.loads(call["function"]["arguments"]) == {"city": "Paris"}
    assert choices[-1]["finish_reason"] == "tool_calls"


@played
async def test_the_openai_path_takes_parts_formats_and_stops() -> None:
    stage = Stage()
    parts = [
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    body = {
        "model": "tiny-chat",
        "messages": [{"role": "user", "content": parts}],
        "response_format": {"type": "json_schema", "json_schema": {"schema": schema}},
        "stop": "never",
    }

    reply = await stage.post("/v1/chat/completions", body)
    link = json.loads(
        json.dumps(body).replace("data:image/png;base64,AAAA", "http://x")
    )

    assert json.loads(reply.json["choices"][0]["message"]["content"]) == {"a": 1}
    assert (await stage.post("/v1/chat/completions", link)).status == 400


@pytest.mark.parametrize("kind", ["text", "json_object"])
@played
async def test_the_openai_path_knows_the_simple_formats(kind: str) -> None:
    body = {**HELLO, "response_format": {"type": kind}, "reasoning_effort": "none"}

    reply = await Stage().post("/v1/chat/completions", body)

    text = reply.json["choices"][0]["message"]["content"]
    assert text.startswith("{") is (kind == "json_object")


@pytest.mark.parametrize("streamed", [True, False])
@played
async def test_the_openai_path_completes_a_prompt(*, streamed: bool) -> None:
    body = {"model": "tiny-chat", "prompt": "Hi", "max_tokens": 3, "stream": streamed}

    reply = await Stage().post("/v1/completions", body)

    if streamed:
        texts = [event["choices"][0]["text"] for event in events(reply.body)]
        assert len(texts) == 4
    else:
        assert reply.json["object"] == "text_completion"
        assert reply.json["usage"]["completion_tokens"] == 3


@played
async def test_the_openai_path_has_its_own_errors() -> None:
    stage = Stage()
    body = {**HELLO, "sim_fault": "error"}

    failed = await stage.post("/v1/chat/completions", body)
    empty = await stage.post("/v1/embeddings", {"model": "tiny-embed", "input": ""})

    assert failed.json["error"]["type"] == "api_error"
    assert empty.json["error"]["type"] == "invalid_request_error"


@played
async def test_newer_versions_tell_what_a_model_can_do() -> None:
    stage = Stage(ollama_version="0.32.1", models=("tiny-embed",))

    model = (await stage.get("/api/tags")).json["models"][0]

    assert model["capabilities"] == ["embedding"]
    assert model["details"]["context_length"] == 512
    assert model["details"]["embedding_length"] == 96
    assert (await stage.get("/api/version")).json == {"version": "0.32.1-sim"}
