"""A client's own repeats: what the setting says, and without Redis."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from backend.api import create_app
from backend.api.container import Services
from backend.core.redis_client import connect
from backend.core.settings import Settings
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import Api, make_key

CHAT = {"model": "tiny-chat", "messages": [{"role": "user", "content": "again"}]}


@pytest.fixture
def api(services: Services) -> Callable[..., Api]:
    """Make an API whose services differ."""

    def make(**over: Any) -> Api:
        app: Flask = create_app(services.settings, replace(services, **over))
        return Api(app.test_client(), make_key(services, "ann"))

    return make


def tries(ann: Api, **headers: str) -> list[str]:
    """Send a request and its repeat; gives their jobs."""
    replies = [
        ann.post(
            "/v1/chat/completions",
            json=CHAT,
            headers={"X-Stainless-Retry-Count": count, **headers},
        )
        for count in ("0", "1")
    ]
    assert [reply.status_code for reply in replies] == [200, 200]
    return [reply.headers["X-Corral-Job-Id"] for reply in replies]


def test_a_repeat_is_a_request_like_any_other_unless_somebody_wishes_otherwise(
    api: Callable[..., Api], settings: Settings, worker: FakeWorker
) -> None:
    asked, told_always = api(), settings.model_copy(update={"attach_retries": True})
    always = api(settings=told_always)

    assert len(set(tries(asked))) == 2
    assert len(set(tries(asked, **{"X-Corral-Retry": "attach"}))) == 1
    assert len(set(tries(always))) == 1
    assert len(set(tries(always, **{"X-Corral-Retry": "new"}))) == 2


def test_without_redis_a_repeat_is_a_request_like_any_other(
    api: Callable[..., Api], worker: FakeWorker
) -> None:
    nowhere = connect("redis://127.0.0.1:1", timeout_seconds=0.1)

    found = tries(api(redis=nowhere), **{"X-Corral-Retry": "attach"})

    assert len(set(found)) == 2


# Repeats where a new request would be refused
REPEAT = {"X-Stainless-Retry-Count": "1", "X-Corral-Retry": "attach"}
NEW = REPEAT | {"X-Stainless-Retry-Count": "0"}
PATH = "/v1/chat/completions"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("n", [1, 3])
def test_a_repeat_is_answered_though_the_queue_is_full(
    ann: Api,
    services: Services,
    worker: FakeWorker,
    monkeypatch: pytest.MonkeyPatch,
    *,
    n: int,
    stream: bool,
) -> None:
    asked: dict[str, Any] = CHAT | {"n": n, "stream": stream}
    first = ann.post(PATH, json=asked, headers=NEW)
    assert first.text
    for name, value in {"_length": 9, "_most": 1, "_count_at": float("inf")}.items():
        monkeypatch.setattr(services.jobs._room, name, value)

    again = ann.post(PATH, json=asked, headers=REPEAT)
    refused = ann.post(PATH, json=asked, headers=NEW)

    assert again.status_code == 200
    assert again.headers["X-Corral-Job-Id"] == first.headers["X-Corral-Job-Id"]
    assert again.headers["X-Corral-Queue-Length"] == "9"
    assert (refused.status_code, refused.json["error"]["code"]) == (429, "queue_full")
    assert len(worker.answered) == n


def test_a_repeat_of_what_was_refused_is_a_new_request(
    ann: Api, services: Services, worker: FakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        for name, value in {"_length": 9, "_most": 1, "_count_at": 1e99}.items():
            full.setattr(services.jobs._room, name, value)
        refused = ann.post(PATH, json=CHAT, headers=NEW)
    monkeypatch.setattr(services.jobs._room, "_length", 0)

    again = ann.post(PATH, json=CHAT, headers=REPEAT)

    assert (refused.status_code, again.status_code) == (429, 200)


def test_where_all_repeats_attach_each_protocols_do(
    api: Callable[..., Api], settings: Settings, worker: FakeWorker
) -> None:
    always = api(settings=settings.model_copy(update={"attach_retries": True}))
    texts = {"model": "tiny-embed", "input": ["one", "two"]}
    asked = {
        PATH: CHAT,
        "/v1/messages": CHAT | {"max_tokens": 9},
        "/v1/responses": {"model": "tiny-chat", "input": "again"},
        "/v1/completions": {"model": "tiny-chat", "prompt": ["one", "two"]},
        "/v1/embeddings": texts,
    }

    for path, body in asked.items():
        first, again, new = (
            always.post(path, json=body, headers={"X-Stainless-Retry-Count": count})
            for count in ("0", "1", "0")
        )

        ids = [reply.headers["X-Corral-Job-Id"] for reply in (first, again, new)]
        assert ids[0] == ids[1] != ids[2]
        assert first.json == again.json


def test_where_all_repeats_attach_who_names_a_key_goes_by_that(
    api: Callable[..., Api], settings: Settings, worker: FakeWorker
) -> None:
    always = api(settings=settings.model_copy(update={"attach_retries": True}))

    named = tries(always, **{"Idempotency-Key": "mine"})
    other = tries(always, **{"Idempotency-Key": "another"})

    assert len({*named, *other}) == 2


def test_where_all_repeats_attach_another_keys_request_is_none(
    api: Callable[..., Api], settings: Settings, worker: FakeWorker, services: Services
) -> None:
    always = api(settings=settings.model_copy(update={"attach_retries": True}))
    other = always.with_key(make_key(services, "ann"))

    first = always.post(PATH, json=CHAT, headers={"X-Stainless-Retry-Count": "0"})
    second = other.post(PATH, json=CHAT, headers={"X-Stainless-Retry-Count": "1"})

    ids = [reply.headers["X-Corral-Job-Id"] for reply in (first, second)]
    assert len(set(ids)) == 2
