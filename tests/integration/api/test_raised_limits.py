"""How much a request may bring is the operator's to say, in every protocol."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from backend.api import create_app
from backend.api.container import Services, close
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import Api, make_key

Json = dict[str, Any]
Make = Callable[..., Api]


@pytest.fixture
def api(services: Services) -> Iterator[Make]:
    """Make an API whose settings differ."""
    opened: list[Services] = []

    def make(**over: int) -> Api:
        app = create_app(services.settings.model_copy(update=over))
        opened.append(app.extensions["corral"])
        return Api(app.test_client(), make_key(services, "ann"))

    yield make
    for one in opened:
        close(one)


def nested(levels: int) -> Json:
    schema: Json = {"type": "object"}
    for _ in range((levels - 1) // 2):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def chat(**more: Any) -> tuple[str, Json]:
    said = [{"role": "user", "content": "one two"}]
    return "/v1/chat/completions", {"model": "tiny-chat", "messages": said, **more}


def schema(levels: int) -> Json:
    form = {"name": "deep", "schema": nested(levels)}
    return {"type": "json_schema", "json_schema": form}


def stops(count: int) -> list[str]:
    return [f"stop {number}" for number in range(count)]


def texts(count: int) -> tuple[str, Json]:
    return "/v1/embeddings", {"model": "tiny-embed", "input": ["x"] * count}


def message(**more: Any) -> tuple[str, Json]:
    path, body = chat(max_tokens=9, **more)
    return path.replace("chat/completions", "messages"), body


def response(**more: Any) -> tuple[str, Json]:
    return "/v1/responses", {"model": "tiny-chat", "input": "one two", **more}


def tool(levels: int) -> Json:
    function = {"name": "deep", "parameters": nested(levels)}
    return {"type": "function", "function": function}


def formatted(levels: int) -> Json:
    form = {"type": "json_schema", "name": "deep", "schema": nested(levels)}
    return {"format": form}


@pytest.mark.parametrize(
    "asked",
    [
        chat(stop=stops(65)),
        message(stop_sequences=stops(65)),
        texts(2_049),
        chat(response_format=schema(121)),
        response(text=formatted(121)),
    ],
)
def test_what_an_operator_allows_is_allowed(
    api: Make, worker: FakeWorker, asked: tuple[str, Json]
) -> None:
    path, body = asked
    most = {"max_stop_sequences": 65, "max_embed_inputs": 2_049}

    reply = api(max_schema_depth=130, **most).post(path, json=body)

    assert reply.status_code == 200, reply.text


@pytest.mark.parametrize(
    ("asked", "param", "most"),
    [
        (chat(stop=stops(4)), "stop", "3"),
        (message(stop_sequences=stops(4)), "stop_sequences", "3"),
        (texts(3), "input", "2"),
        (chat(response_format=schema(9)), "response_format", "8"),
        (
            chat(tools=[tool(9)], model="tiny-tools"),
            "tools.0.function.parameters",
            "8",
        ),
        (
            chat(tools=[tool(9)], model="tiny-tools", tool_choice="required"),
            "tools.0.function.parameters",
            "8",
        ),
        (response(text=formatted(9)), "text.format", "8"),
    ],
)
def test_what_an_operator_refuses_is_named_as_the_caller_knows_it(
    api: Make, asked: tuple[str, Json], param: str, most: str
) -> None:
    path, body = asked
    strict = api(max_stop_sequences=3, max_embed_inputs=2, max_schema_depth=8)

    reply = strict.post(path, json=body)

    assert reply.status_code == 400
    error = reply.json["error"]
    assert error.get("param") in {None, param}
    assert error["message"].startswith(f"{param}: ")
    assert most in error["message"]
