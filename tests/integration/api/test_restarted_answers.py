"""An attempt that begins anew ends a stream only if its caller has heard of it."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from backend.core.db import Database
from backend.core.settings import Settings
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import Api

TEXT = "restart after two words and say all"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
FUNCTION = {"name": "get_time", "parameters": SCHEMA}
Json = dict[str, Any]


@pytest.fixture
def slow_worker(settings: Settings, database: Database) -> Iterator[FakeWorker]:
    lanes = ("gen:tiny-tools:latest",)
    with FakeWorker(settings, database, lanes=lanes, token_seconds=0.1) as worker:
        yield worker


def chat(*, held_back: bool) -> tuple[str, Json]:
    body: Json = {"messages": [{"role": "user", "content": TEXT}]}
    if held_back:
        form = {"name": "city", "schema": SCHEMA}
        body |= {
            "tools": [{"type": "function", "function": FUNCTION}],
            "response_format": {"type": "json_schema", "json_schema": form},
        }
    return "/v1/chat/completions", body


def response(*, held_back: bool) -> tuple[str, Json]:
    body: Json = {"input": TEXT}
    if held_back:
        form = {"type": "json_schema", "name": "city", "schema": SCHEMA}
        body |= {
            "tools": [{"type": "function", **FUNCTION}],
            "text": {"format": form},
        }
    return "/v1/responses", body


def message(*, held_back: bool) -> tuple[str, Json]:
    body: Json = {"max_tokens": 99, "messages": [{"role": "user", "content": TEXT}]}
    if held_back:
        body |= {
            "tools": [{"name": "get_time", "input_schema": SCHEMA}],
            "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
        }
    return "/v1/messages", body


@pytest.mark.parametrize("asked", [chat, response, message])
def test_what_was_held_back_begins_anew_unnoticed(
    ann: Api, slow_worker: FakeWorker, asked: Any
) -> None:
    path, body = asked(held_back=True)

    reply = ann.post(path, json={"model": "tiny-tools", "stream": True, **body})

    assert reply.status_code == 200
    assert "error" not in events_of(reply.text)
    assert texts_of(reply.text) == [f"{TEXT} "]


@pytest.mark.parametrize("asked", [chat, response, message])
def test_what_was_told_cannot_be_taken_back(
    ann: Api, slow_worker: FakeWorker, asked: Any
) -> None:
    path, body = asked(held_back=False)

    reply = ann.post(path, json={"model": "tiny-tools", "stream": True, **body})

    assert reply.status_code == 200
    assert '"attempt_restarted"' in reply.text
    assert "".join(texts_of(reply.text)) == "restart after "


def data_of(stream: str) -> Iterator[Json]:
    lines = (line for line in stream.splitlines() if line.startswith("data: {"))
    return (orjson.loads(line.removeprefix("data: ")) for line in lines)


def events_of(stream: str) -> set[str]:
    return {name for data in data_of(stream) for name in (data.get("type"), *data)}


def texts_of(stream: str) -> list[str]:
    """Give the pieces of text, whatever the protocol."""
    found = []
    for data in data_of(stream):
        if data.get("type") == "response.output_text.delta":
            found.append(data["delta"])
        elif data.get("type") == "content_block_delta":
            found.append(data["delta"]["text"])
        elif "choices" in data:
            found += [c["delta"].get("content") for c in data["choices"]]
    return [text for text in found if text]
