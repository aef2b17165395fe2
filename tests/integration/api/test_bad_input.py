"""What callers may get wrong: a 4xx with a stable code and the field at fault."""

from typing import Any

import pytest

from backend.core.streams.frames import LAST_SEQ
from tests.integration.api.caller import CHAT, Api

IMAGE = "iVBORw0KGgo="
PROMPT = {"prompt": "a"}
SEEN = {"role": "user", "content": "Look", "images": [IMAGE]}
TOOL = {"type": "function", "function": {"name": "f"}}


def field_errors(reply: Any) -> dict[str, str]:
    return {one["field"]: one["message"] for one in reply.json["errors"]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"kind":',
        b'{"kind": NaN}',
        b'{"kind": Infinity}',
        b"\xff\xfe",
        b'"\\ud800"',
        b'{"kind": "chat", "model": "\\udfff"}',
        b"[" * 5_000 + b"]" * 5_000,
        b"{} {}",
    ],
)
def test_a_body_that_is_no_json_is_400(ann: Api, body: bytes) -> None:
    reply = ann.post("/api/v1/jobs", data=body, content_type="application/json")

    assert reply.status_code == 400
    assert reply.json is not None
    assert reply.json["code"] == "malformed_json"
    assert reply.content_type == "application/problem+json"


@pytest.mark.parametrize("content_type", ["text/plain", "", "multipart/form-data"])
def test_another_content_type_is_415(ann: Api, content_type: str) -> None:
    reply = ann.post("/api/v1/jobs", data=b"{}", content_type=content_type)

    assert (reply.status_code, reply.json["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"kind": "sing"}, "kind"),
        ({"kind": 5}, "kind"),
        ({"model": 5}, "model"),
        ({"model": ""}, "model"),
        ({"model": "a b//c"}, "model"),
        ({"priority": "urgent"}, "priority"),
        ({"deadline_seconds": "soon"}, "deadline_seconds"),
        ({"deadline_seconds": 0}, "deadline_seconds"),
        ({"deadline_seconds": 1e9}, "deadline_seconds"),
        ({"on_disconnect": "panic"}, "on_disconnect"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"metadata": {str(n): "x" for n in range(17)}}, "metadata"),
        ({"unknown": 1}, "unknown"),
        ({"request": "hello"}, "request"),
        ({"request": {}}, "request.messages"),
        ({"request": {"messages": []}}, "request.messages"),
        ({"request": {"messages": "hello"}}, "request.messages"),
        ({"request": CHAT | {"strem": True}}, "request.strem"),
        ({"request": CHAT | {"format": "yaml"}}, "request.format"),
        ({"request": CHAT | {"think": "very"}}, "request.think"),
        ({"request": CHAT | {"tools": [{"type": "x"}]}}, "request.tools.0.type"),
        (
            {"request": {"messages": [{"role": "wizard", "content": "x"}]}},
            "request.messages.0.role",
        ),
        (
            {"request": {"messages": [{"role": "user", "content": 5}]}},
            "request.messages.0.content",
        ),
        (
            {"request": {"messages": [{"role": "user", "images": ["%%%%"]}]}},
            "request.messages.0.images.0",
        ),
        (
            {"request": {"messages": [{"role": "user", "content": "x" * 10_001}]}},
            "request",
        ),
        ({"kind": "embed", "request": {"input": 5}}, "request.input"),
        ({"kind": "embed", "request": {"input": []}}, "request.input"),
        ({"kind": "embed", "request": {"input": [1]}}, "request.input"),
        ({"kind": "generate", "request": {"prompt": ""}}, "request.prompt"),
        (
            {
                "kind": "generate",
                "request": {"prompt": "x", "raw": True, "system": "y"},
            },
            "request",
        ),
    ],
)
def test_a_wrong_field_is_422_and_named(
    ann: Api, over: dict[str, Any], field: str
) -> None:
    reply = ann.submit(**over)

    assert (reply.status_code, reply.json["code"]) == (422, "invalid_request")
    assert field in field_errors(reply)


def test_a_wrong_kind_is_told_with_what_is_allowed(ann: Api) -> None:
    reply = ann.submit(kind="sing")

    allowed = 'must be "chat", "generate", "embed", "load" or "pull"'
    assert field_errors(reply) == {"kind": allowed}
    assert reply.json["detail"] == f"kind: {allowed}"


@pytest.mark.parametrize("body", [5, "x", [], 0.5, True])
def test_a_body_that_is_no_object_is_422(ann: Api, body: Any) -> None:
    reply = ann.post("/api/v1/jobs", json=body)

    assert (reply.status_code, reply.json["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"temperature": "hot"}, "request.options.temperature"),
        ({"temperature": True}, "request.options.temperature"),
        ({"top_k": 1.5}, "request.options.top_k"),
        ({"stop": "x"}, "request.options.stop"),
        ({"seed": 2**70}, "request.options.seed"),
        ({"num_predict": 0}, "request.options.num_predict"),
        ({"num_predict": 10**6}, "request.options.num_predict"),
        ({"num_ctx": 4_096}, "request.options"),
        ({"num_gpu": 1}, "request.options"),
        ([], "request.options"),
    ],
)
def test_options_that_ollama_or_the_platform_would_not_take_are_422(
    ann: Api, options: Any, field: str
) -> None:
    reply = ann.submit(request=CHAT | {"options": options})

    assert reply.status_code == 422
    assert field in field_errors(reply)


def test_options_that_nobody_knows_are_ignored_as_ollama_does(ann: Api) -> None:
    options = {"sparkle": {"deep": [1]}, "seed": 1, "stop": None}

    assert ann.submit(request=CHAT | {"options": options}).status_code == 202


def test_an_unknown_model_is_404_by_the_name_that_was_sent(ann: Api) -> None:
    reply = ann.submit(model="nobody-has-this")

    assert (reply.status_code, reply.json["code"]) == (404, "model_not_found")
    assert "'nobody-has-this'" in reply.json["detail"]


@pytest.mark.parametrize("model", ["Tiny-Chat", "library/tiny-chat:latest"])
def test_any_spelling_of_a_model_is_taken_and_kept(ann: Api, model: str) -> None:
    reply = ann.submit(model=model)

    assert reply.status_code == 202
    assert reply.json["model"] == model


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"model": "tiny-embed"}, "kind"),
        ({"request": CHAT | {"tools": [TOOL]}}, "request.tools"),
        ({"request": CHAT | {"think": True}}, "request.think"),
        ({"request": {"messages": [SEEN]}}, "request.messages.0.images"),
        ({"kind": "generate", "request": PROMPT | {"suffix": "b"}}, "request.suffix"),
        (
            {"kind": "generate", "request": PROMPT | {"images": [IMAGE]}},
            "request.images",
        ),
    ],
)
def test_what_a_model_cannot_do_is_422(
    ann: Api, over: dict[str, Any], field: str
) -> None:
    reply = ann.submit(**over)

    assert (reply.status_code, reply.json["code"]) == (422, "unsupported_by_model")
    assert field in field_errors(reply)


def test_a_model_whose_capabilities_nobody_knows_may_be_asked_anything(
    ann: Api,
) -> None:
    assert (
        ann.submit(model="tiny-new", request=CHAT | {"think": True}).status_code == 202
    )


def test_embedding_on_a_chat_model_is_accepted(ann: Api) -> None:
    assert ann.submit(kind="embed", request={"input": "x"}).status_code == 202


def test_a_body_that_is_too_large_is_413(ann: Api, settings: Any) -> None:
    body = b'"' + b"x" * settings.max_body_bytes + b'"'

    reply = ann.post("/api/v1/jobs", data=body, content_type="application/json")

    assert (reply.status_code, reply.json["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "ünprintable"])
def test_an_idempotency_key_is_printable_ascii(ann: Api, key: str) -> None:
    reply = ann.submit(headers={"Idempotency-Key": key})

    assert reply.status_code == 422
    assert "Idempotency-Key" in field_errors(reply)


@pytest.mark.parametrize(
    "job_id", ["x", "0" * 36, "01a1fdf8-ced8-7739-882f-8a6d3f50b4d9", "%F0%9F%90%8E"]
)
@pytest.mark.parametrize("rest", ["", "/events", "/tokens"])
def test_an_unknown_job_is_404(ann: Api, job_id: str, rest: str) -> None:
    reply = ann.get(f"/api/v1/jobs/{job_id}{rest}")

    assert (reply.status_code, reply.json["code"]) == (404, "job_not_found")


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=x", "state=lost", "kind=sing", "after=x", "created_after=now"],
)
def test_a_wrong_parameter_is_422_and_named(ann: Api, query: str) -> None:
    reply = ann.get(f"/api/v1/jobs?{query}")

    assert reply.status_code == 422
    assert list(field_errors(reply)) == [query.split("=", maxsplit=1)[0]]


@pytest.mark.parametrize("place", ["x", "1", "1-x", "-1-1", "1-" + "9" * 30])
def test_a_wrong_event_id_is_422(ann: Api, place: str) -> None:
    job_id = ann.submit().json["id"]

    reply = ann.get(f"/api/v1/jobs/{job_id}/events", headers={"Last-Event-ID": place})

    assert reply.status_code == 422
    assert list(field_errors(reply)) == ["Last-Event-ID"]


@pytest.mark.parametrize(
    ("address", "field"), [("tokens", "after"), ("events", "last_event_id")]
)
def test_a_wrong_event_id_in_the_query_is_named_as_it_was_sent(
    ann: Api, address: str, field: str
) -> None:
    job_id = ann.submit().json["id"]

    reply = ann.get(f"/api/v1/jobs/{job_id}/{address}?{field}=1-{LAST_SEQ + 1}")

    assert reply.status_code == 422
    assert list(field_errors(reply)) == [field]


def test_a_method_that_is_not_there_is_405_and_the_others_are_named(ann: Api) -> None:
    reply = ann("PUT", "/api/v1/jobs")

    assert (reply.status_code, reply.json["code"]) == (405, "method_not_allowed")
    assert {"GET", "POST"} <= set(reply.headers["Allow"].split(", "))


def test_a_caller_that_takes_neither_json_nor_events_is_406(ann: Api) -> None:
    reply = ann.submit(headers={"Accept": "image/png"})

    assert (reply.status_code, reply.json["code"]) == (406, "not_acceptable")


@pytest.mark.parametrize(
    "path", ["/api/v1/jobs", "/v1/chat/completions", "/v1/responses", "/v1/messages"]
)
def test_what_is_nested_too_deep_to_be_written_again_is_malformed(
    ann: Api, path: str
) -> None:
    deep = b"[" * 300 + b"]" * 300
    body = b'{"model": "tiny-chat", "extra": %b}' % deep

    reply = ann.post(
        path,
        data=body,
        content_type="application/json",
        headers={"Idempotency-Key": path},
    )

    assert reply.status_code == 400
    assert b"200 deep" in reply.data
