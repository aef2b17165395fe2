"""The operator's limits on what callers send, through the API."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from flask import Flask
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from backend.api import create_app
from backend.api.container import Services, close
from backend.core.catalogue import SeenModel
from backend.core.cluster import LoadedState
from backend.core.db import Database
from backend.core.settings import Settings
from tests.factories import settings_for
from tests.integration.api.caller import Api, make_key, said
from tests.integration.api.test_requests import snapshot
from tests.servers import RedisServer

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()
LIMITS = {
    "max_prompt_chars": 400_000,
    "max_messages": 4,
    "max_images": 2,
    "max_image_bytes": 40,
    "max_tools": 2,
    "max_schema_depth": 6,
    "max_stop_sequences": 3,
    "max_embed_inputs": 3,
}
SEER = SeenModel(
    "tiny-seer:latest",
    "sha256:5",
    5_000,
    ("completion", "tools", "vision", "embedding"),
    2_048,
)


@pytest.fixture(scope="module")
def limited(
    database_url: str,
    redis_server: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Flask]:
    patterns: Path = tmp_path_factory.mktemp("blocked") / "patterns.txt"
    patterns.write_text("# None of our business\n(?i)project falcon\n")
    settings: Settings = settings_for(
        database_url,
        redis_url=redis_server.url(),
        blocked_patterns_file=str(patterns),
        **LIMITS,
    )
    app = create_app(settings)
    yield app
    close(app.extensions["corral"])


@pytest.fixture
def eve(limited: Flask, database: Database) -> Api:
    services: Services = limited.extensions["corral"]
    services.catalogue.record_installed("local", [SEER])
    return Api(limited.test_client(), make_key(services, "eve"))


def ask(api: Api, request: dict[str, Any], kind: str = "chat") -> Any:
    return api.submit(kind=kind, model="tiny-seer", request=request)


def test_too_many_of_anything_is_422_with_field_and_limit(eve: Api) -> None:
    message = {"role": "user", "content": "x"}

    reply = ask(eve, {"messages": [message] * 5})

    assert (reply.status_code, reply.json["code"]) == (422, "invalid_request")
    assert reply.json["errors"] == [
        {"field": "request.messages", "message": "has 5 items; at most 4"}
    ]


def test_a_file_that_is_no_image_is_422_before_anybody_waits_for_it(eve: Api) -> None:
    broken = base64.b64encode(b"<svg></svg>").decode()

    reply = ask(eve, {"prompt": "Look", "images": [PNG, broken]}, "generate")

    assert reply.status_code == 422
    assert [one["field"] for one in reply.json["errors"]] == ["request.images.1"]


def test_a_prompt_that_cannot_fit_is_422_with_a_code_of_its_own(eve: Api) -> None:
    reply = ask(eve, said("word" * 70_000))

    assert (reply.status_code, reply.json["code"]) == (422, "context_length_exceeded")
    assert "at least 2188 tokens" in reply.json["detail"]
    assert "has 2048" in reply.json["detail"]


def test_a_prompt_is_held_against_the_context_that_is_loaded(
    eve: Api, limited: Flask
) -> None:
    services: Services = limited.extensions["corral"]
    name = "tiny-seer:latest"
    loaded = [LoadedState(name, 1, 0, 1_024, None)]
    text = said("word" * 35_000)
    before = ask(eve, text)
    services.cluster.publish(snapshot(on_disk=[name], loaded=loaded))
    services.forecast.forget()

    reply = ask(eve, text)

    assert before.status_code == 202
    assert (reply.status_code, reply.json["code"]) == (422, "context_length_exceeded")
    assert "has 1024" in reply.json["detail"]


@pytest.mark.parametrize(
    ("kind", "request_"),
    [
        ("chat", said("Tell me of Project Falcon.")),
        ("generate", {"prompt": "x", "system": "You are project falcon."}),
        ("embed", {"input": ["fine", "PROJECT FALCON"]}),
    ],
)
def test_blocked_content_is_refused_counted_and_logged_without_the_prompt(
    eve: Api, kind: str, request_: dict[str, Any]
) -> None:
    before = REGISTRY.get_sample_value("corral_blocked_requests_total") or 0
    # Known from now on, so that what it sends is admitted as who it was, then again.
    assert ask(eve, said("fine")).status_code == 202

    with capture_logs() as logs:
        reply = ask(eve, request_, kind)

    assert (reply.status_code, reply.json["code"]) == (422, "content_blocked")
    assert reply.json["errors"] == []
    assert "alcon" not in reply.text
    assert REGISTRY.get_sample_value("corral_blocked_requests_total") == before + 1
    (line,) = [one for one in logs if one["event"] == "content_blocked"]
    assert (line["pattern_line"], line["kind"]) == (2, kind)
    assert "alcon" not in str(logs)


def _nested(levels: int) -> dict[str, Any]:
    return {"a": _nested(levels - 1)} if levels > 1 else {}


def _image(size: int) -> str:
    return base64.b64encode(b"\xff\xd8\xff" + bytes(size - 1)).decode()


def _levels(value: Any) -> int:
    return 1 + _levels(value.get("a")) if isinstance(value, dict) else 0


# Around each limit, and of any shape: taken exactly if all limits are kept.
SCHEMAS = st.integers(1, 8).map(_nested)
CHATS = st.fixed_dictionaries(
    {
        "messages": st.lists(
            st.fixed_dictionaries(
                {"role": st.just("user"), "content": st.text(max_size=9)},
                optional={
                    "images": st.lists(st.integers(1, 45).map(_image), max_size=2)
                },
            ),
            min_size=1,
            max_size=6,
        )
    },
    optional={
        "tools": st.lists(SCHEMAS, max_size=3).map(
            lambda schemas: [
                {"type": "function", "function": {"name": "f", "parameters": one}}
                for one in schemas
            ]
        ),
        "format": SCHEMAS,
        "options": st.lists(st.just("x"), max_size=4).map(lambda stop: {"stop": stop}),
    },
)


def _fits(chat: dict[str, Any]) -> bool:
    images = [i for m in chat["messages"] for i in m.get("images", ())]
    tools = chat.get("tools", [])
    schemas = [tool["function"]["parameters"] for tool in tools]
    schemas += [chat["format"]] if "format" in chat else []
    return (
        len(chat["messages"]) <= 4
        and len(images) <= 2
        and all(len(base64.b64decode(image)) <= 40 for image in images)
        and len(tools) <= 2
        and all(_levels(schema) <= 6 for schema in schemas)
        and len(chat.get("options", {}).get("stop", ())) <= 3
    )


def test_a_chat_is_taken_exactly_if_it_keeps_all_limits(eve: Api) -> None:
    taken = []

    @hypothesis.settings(
        max_examples=60, deadline=None, derandomize=True, database=None
    )
    @hypothesis.given(CHATS)
    def send(chat: dict[str, Any]) -> None:
        reply = ask(eve, chat)
        taken.append(reply.status_code == 202)

        assert reply.status_code in (202, 422)
        assert (reply.status_code == 202) == _fits(chat)

    send()

    assert {True, False} <= set(taken)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(max_size=9), inner, max_size=5)
    ),
    max_leaves=20,
)
FIELDS = ("messages", "prompt", "input", "tools", "images", "format", "options")


@pytest.mark.parametrize("kind", ["chat", "generate", "embed", "pull"])
def test_a_request_of_any_shape_is_answered_by_what_is_wrong_with_it(
    eve: Api, kind: str
) -> None:
    @hypothesis.settings(
        max_examples=40, deadline=None, derandomize=True, database=None
    )
    @hypothesis.given(
        ANYTHING | st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=4)
    )
    def send(request: Any) -> None:
        try:
            reply = ask(eve, request, kind)
        except ValueError:
            hypothesis.reject()  # what the test client itself cannot write
        codes = {202: {None}, 422: {"invalid_request"}, 400: {"malformed_json"}}
        codes[403] = {"scope_missing"}

        assert reply.json.get("code") in codes[reply.status_code]

    send()
