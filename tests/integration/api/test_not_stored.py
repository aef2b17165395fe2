"""`store: false`: however a call ends, nothing of it stays."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from backend.api.container import Services
from backend.core.db import Database, transaction
from backend.core.jobs.repository.query import Filters
from backend.core.jobs.states import FINAL, State
from backend.core.models import JobPayload
from backend.core.settings import Settings
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import Api
from tests.stack import Stack

Json = dict[str, Any]
CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"


def asked(path: str, text: str, **more: Any) -> Json:
    said = {"role": "user", "content": text}
    body: Json = {"input": text} if path == RESPONSES else {"messages": [said]}
    return {"model": "tiny-chat", "store": False, **body, **more}


def is_gone(services: Services, job_id: str) -> bool:
    with transaction(services.database.sessions) as session:
        payload = session.get_one(JobPayload, job_id)
        return (payload.request, payload.original, payload.result) == (None, None, None)


def newest(services: Services) -> str:
    return services.query.page(Filters(), limit=1, after=None)[0].id


def state(services: Services, job_id: str) -> State:
    return services.reads.require(job_id, None).state


def end_of(services: Services, job_id: str) -> State:
    Stack.until(lambda: state(services, job_id) in FINAL)
    return state(services, job_id)


paths = pytest.mark.parametrize("path", [CHAT, RESPONSES])
streams = pytest.mark.parametrize("stream", [False, True])


@paths
@streams
def test_an_answer_is_gone_when_it_was_sent(
    ann: Api, services: Services, worker: FakeWorker, path: str, *, stream: bool
) -> None:
    reply = ann.post(path, json=asked(path, "one two", stream=stream))
    assert reply.status_code == 200
    assert "two" in reply.text
    reply.close()

    assert is_gone(services, reply.headers["X-Corral-Job-Id"])


@paths
@streams
def test_a_failure_leaves_nothing(
    ann: Api, services: Services, worker: FakeWorker, path: str, *, stream: bool
) -> None:
    reply = ann.post(path, json=asked(path, "fail now", stream=stream))
    assert "The fake worker was told to fail." in reply.text

    assert is_gone(services, newest(services))


@paths
def test_an_answer_that_is_none_leaves_nothing(
    ann: Api, services: Services, settings: Settings, database: Database, path: str
) -> None:
    function = {"name": "get_time", "parameters": {"type": "object"}}
    tool = {"function": function} if path == CHAT else function
    more = {"tools": [{"type": "function", **tool}], "tool_choice": "required"}
    lanes = ("gen:tiny-tools:latest",)

    with FakeWorker(settings, database, lanes=lanes):
        for stream in (False, True):
            body = asked(path, "no call", stream=stream, **more)
            reply = ann.post(path, json=body | {"model": "tiny-tools"})

            assert "did not call a tool" in reply.text
            reply.close()
            assert is_gone(services, newest(services))


@pytest.fixture
def leaving() -> Iterator[Json]:
    """Give the environment of a request whose caller has hung up."""
    ours, theirs = socket.socketpair()
    theirs.close()
    yield {"gunicorn.socket": ours}
    ours.close()


@paths
@streams
def test_a_caller_that_left_the_queue_leaves_nothing(
    ann: Api, services: Services, leaving: Json, path: str, *, stream: bool
) -> None:
    body = asked(path, "one two", stream=stream)
    ann.post(path, json=body, environ_overrides=leaving).close()

    job_id = newest(services)
    assert state(services, job_id) is State.CANCELLED
    assert is_gone(services, job_id)


@pytest.fixture
def slow_worker(settings: Settings, database: Database) -> Iterator[FakeWorker]:
    lanes = ("gen:tiny-chat:latest",)
    with FakeWorker(settings, database, lanes=lanes, token_seconds=0.01) as worker:
        yield worker


@paths
@pytest.mark.usefixtures("slow_worker")
def test_a_caller_that_left_while_it_was_answered_leaves_nothing(
    ann: Api, services: Services, leaving: Json, path: str
) -> None:
    for stream in (False, True):
        body = asked(path, "so long", stream=stream)

        ann.post(path, json=body, environ_overrides=leaving).close()

        job_id = newest(services)
        assert end_of(services, job_id) is State.CANCELLED
        assert is_gone(services, job_id)


@paths
def test_what_is_stored_stays(
    ann: Api, services: Services, worker: FakeWorker, path: str
) -> None:
    for store in (True, None):
        reply = ann.post(path, json=asked(path, "one two") | {"store": store})
        reply.close()

        assert not is_gone(services, reply.headers["X-Corral-Job-Id"])
