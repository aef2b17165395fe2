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
