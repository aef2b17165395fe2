"""Odd bodies of the compatible APIs: an answer, or an error that names the field."""

from collections.abc import Iterator
from typing import Any

import pytest

from backend.api.container import Services
from backend.core.db import Database
from backend.core.settings import Settings
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import Api

Json = dict[str, Any]
HUGE = 10**30
DEEP = '{"a":' * 300 + "1" + "}" * 300
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
RESPONSES, OLLAMA = "/v1/responses", "/api/chat"
SAID = [{"role": "user", "content": "hello"}]


@pytest.fixture(autouse=True)
def answering(
    services: Services, settings: Settings, database: Database
) -> Iterator[None]:
    lanes = ("gen:tiny-chat:latest", "gen:tiny-tools:latest")
    with FakeWorker(settings, database, lanes=lanes):
        yield


def user(content: Any) -> Json:
    return {"messages": [{"role": "user", "content": content}]}


def called(*calls: tuple[str, str, str], answered: str = "c1") -> Json:
    made = [
        {"id": i, "type": "function", "function": {"name": name, "arguments": given}}
        for i, name, given in calls
    ]
    return {
        "messages": [
            *SAID,
            {"role": "assistant", "tool_calls": made},
            {"role": "tool", "tool_call_id": answered, "content": "hello"},
        ]
    }


def item(arguments: str) -> Json:
    call = {"type": "function_call", "call_id": "c1", "name": "a"}
    given = {"type": "function_call_output", "call_id": "c1", "output": "hello"}
    said = {"role": "user", "content": "hello"}
    return {"input": [call | {"arguments": arguments}, given, said]}


def used(result: Json, *, name: str = "a", given: Json | None = None) -> Json:
    call = {"type": "tool_use", "id": "c1", "name": name, "input": given or {}}
    told = {"type": "tool_result", "tool_use_id": "c1", **result}
    return {
        "max_tokens": 9,
        "messages": [
            *SAID,
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [told, {"type": "text", "text": "hello"}]},
        ],
    }


PARTS = [
    {"type": "text", "text": "hello"},
    {"type": "refusal", "refusal": "never"},
]
BLOCKS = [
    {"type": "text", "text": "hello"},
    {"type": "thinking", "thinking": "hm", "signature": ""},
    {"type": "redacted_thinking", "data": "x"},
    {
        "type": "document",
        "title": "T",
        "source": {"type": "text", "media_type": "text/plain", "data": "hello"},
    },
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, user([])),
        (CHAT, user(PARTS)),
        (CHAT, user("")),
        (CHAT, user("\N{GRINNING FACE}\0\u2028")),
        (CHAT, called(("c1", "a", ""))),
        (CHAT, called(("c1", "a", "{}"), ("c1", "b", '{"x": 1}'))),
        (CHAT, called(("c1", "a", '{"x": 123456789012345678901234567890}'))),
        (CHAT, {"messages": [*SAID, {"role": "assistant", "content": None}, *SAID]}),
        (CHAT, {"messages": [*SAID, {"role": "assistant"}, *SAID]}),
        (
            CHAT,
            {
                "messages": SAID,
                **dict.fromkeys(
                    ("stop", "n", "tools", "tool_choice", "stream_options", "user")
                ),
                **dict.fromkeys(("temperature", "seed", "metadata", "max_tokens")),
            },
        ),
        (CHAT, {"messages": SAID, "tools": [], "stop": [], "metadata": {}}),
        (CHAT, {"messages": SAID, "seed": -(2**63), "stop": ""}),
        (RESPONSES, item("")),
        (RESPONSES, {"input": [{"role": "user", "content": []}]}),
        (MESSAGES, {"max_tokens": 9, **user([])}),
        (MESSAGES, {"max_tokens": 9, **user(BLOCKS)}),
        (MESSAGES, {"max_tokens": 9, "system": [], **user("hello")}),
        (MESSAGES, used({})),
        (MESSAGES, used({"content": []})),
        (MESSAGES, used({"content": "", "is_error": True})),
        (OLLAMA, user(None)),
        (OLLAMA, {"messages": SAID, "options": {"temperature": HUGE, "x": HUGE}}),
        (OLLAMA, {"messages": SAID, "options": {}, "tools": [], "format": None}),
    ],
)
def test_what_is_odd_and_right_is_answered(
    ann: Api, path: str, body: Json, *, stream: bool
) -> None:
    reply = ann.post(path, json={"model": "tiny-tools", **body, "stream": stream})

    assert reply.status_code == 200, reply.text
    assert '"error":{' not in reply.text


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (CHAT, {"messages": []}, "messages"),
        (CHAT, {"messages": None}, "messages"),
        (CHAT, {"messages": {}}, "messages"),
        (CHAT, {"messages": [None]}, "messages.0"),
        (CHAT, user(None), "messages.0"),
        (CHAT, user(5), "messages.0.content"),
        (CHAT, user([None]), "messages.0.content.0"),
        (CHAT, user([{"type": "file"}]), "messages.0.content.0"),
        (CHAT, user([{"type": "input_audio"}]), "messages.0.content.0"),
        (CHAT, user([{"type": "text"}]), "messages.0.content.0.text"),
        (CHAT, user([{"type": []}]), "messages.0.content.0"),
        (CHAT, called(("c1", "a", DEEP)), "messages.1.tool_calls.0.function.arguments"),
        (CHAT, called(("c1", "a", "[]")), "messages.1.tool_calls.0.function.arguments"),
        (
            CHAT,
            called(("c1", "a", '{"x": NaN}')),
            "messages.1.tool_calls.0.function.arguments",
        ),
        (
            CHAT,
            called(("c1", "a", '{"x": "\\ud800"}')),
            "messages.1.tool_calls.0.function.arguments",
        ),
        (CHAT, called(("c1", "", "")), "messages.1.tool_calls.0.function.name"),
        (CHAT, called(("c2", "a", "")), "messages.2.tool_call_id"),
        (CHAT, {"messages": SAID, "max_tokens": HUGE}, "max_tokens"),
        (CHAT, {"messages": SAID, "max_tokens": 2**63}, "max_tokens"),
        (CHAT, {"messages": SAID, "seed": HUGE}, "seed"),
        (CHAT, {"messages": SAID, "temperature": HUGE}, "temperature"),
        (CHAT, {"messages": SAID, "n": HUGE}, "n"),
        (CHAT, {"messages": SAID, "top_logprobs": -1}, "top_logprobs"),
        (RESPONSES, item(DEEP), "input.0.arguments"),
        (RESPONSES, {"input": [None]}, "input.0"),
        (RESPONSES, {"input": None}, "input"),
        (RESPONSES, {"input": "x", "max_output_tokens": HUGE}, "max_output_tokens"),
        (MESSAGES, {"max_tokens": 9, "messages": []}, "messages"),
        (MESSAGES, {"max_tokens": HUGE, "messages": SAID}, "max_tokens"),
        (MESSAGES, {"max_tokens": 9, "messages": SAID, "top_k": 2**40}, "top_k"),
        (MESSAGES, {"max_tokens": 9, **user([{"type": "video"}])}, "messages.0"),
        (MESSAGES, {"max_tokens": 9, **user([{"type": []}])}, "messages.0"),
        (MESSAGES, {"max_tokens": 9, **user(None)}, "messages.0.content"),
        (OLLAMA, {"messages": 5}, "messages"),
        (OLLAMA, {"messages": [None]}, "messages.0"),
        (OLLAMA, {"messages": SAID, "options": {"seed": HUGE}}, "options.seed"),
        (OLLAMA, {"messages": SAID, "options": {"num_predict": HUGE}}, "num_predict"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(
    ann: Api, path: str, body: Json, field: str, *, stream: bool
) -> None:
    reply = ann.post(path, json={"model": "tiny-tools", **body, "stream": stream})

    assert reply.status_code == 400, reply.text
    assert field in reply.text
    assert "request." not in reply.text


@pytest.mark.parametrize("path", [CHAT, RESPONSES, MESSAGES, OLLAMA])
@pytest.mark.parametrize(
    "value",
    [rb'"\ud800"', b"NaN", b"Infinity", b"-1e999", b'"\xff"', b"[" * 300 + b"]" * 300],
)
def test_what_is_no_json_is_no_request(ann: Api, path: str, value: bytes) -> None:
    body = b'{"model": "tiny-chat", "messages": %b, "input": %b}' % (value, value)

    reply = ann.post(path, data=body, content_type="application/json")

    assert reply.status_code == 400, reply.text


def test_a_count_of_repeats_may_be_as_long_as_a_header(ann: Api) -> None:
    count = {"X-Stainless-Retry-Count": "9" * 5_000, "X-Corral-Retry": "attach"}
    body = {"model": "tiny-chat", "messages": SAID}

    replies = [ann.post(CHAT, json=body, headers=count) for _ in range(2)]

    ids = {reply.headers["X-Corral-Job-Id"] for reply in replies}
    assert [reply.status_code for reply in replies] == [200, 200]
    assert len(ids) == 1
