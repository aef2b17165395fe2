"""A server that stops while callers of the compatible APIs wait for answers."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.api.container import Services
from backend.core.db import Database
from backend.core.jobs.repository.query import Filters
from backend.core.jobs.states import State
from backend.core.settings import Settings
from tests.fakes.api_process import ApiProcess
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import Api
from tests.integration.api.server_caller import CHAT_LANE, headers_of, start
from tests.stack import Stack

Json = dict[str, Any]
SAID = [{"role": "user", "content": "a long story"}]
BODY: Json = {"model": "tiny-chat", "messages": SAID}
# Where each protocol is asked, and with what in addition.
ASKED: dict[str, tuple[str, Json]] = {
    "openai": ("/v1/chat/completions", {}),
    "responses": ("/v1/responses", {"input": "a long story"}),
    "anthropic": ("/v1/messages", {"max_tokens": 999}),
    "ollama": ("/api/chat", {}),
}
Calls = list[tuple[str, bool]]
CALLS: Calls = [(name, stream) for name in ASKED for stream in (False, True)]


class Waiting:
    """Calls that wait for their answers, each in a thread."""

    def __init__(self, server: ApiProcess, ann: Api) -> None:
        self._server = server
        self._headers = headers_of(ann)
        self._threads: list[threading.Thread] = []
        self.replies: dict[tuple[str, bool], httpx.Response] = {}

    def begin(self, calls: Calls) -> None:
        for name, stream in calls:
            thread = threading.Thread(target=self._ask, args=(name, stream))
            thread.start()
            self._threads.append(thread)

    def _ask(self, name: str, stream: bool) -> None:  # noqa: FBT001 — a thread's
        path, more = ASKED[name]
        self.replies[name, stream] = httpx.post(
            self._server.url + path,
            json={**BODY, **more, "stream": stream},
            headers=self._headers,
            timeout=60,
        )

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)


Begin = Callable[..., Any]


@pytest.fixture
def stopping(ann: Api, services: Services, settings: Settings, tmp_path: Path) -> Begin:
    """Let calls wait at a server, and stop that."""

    @contextmanager
    def stopping(calls: Calls, *, drain_ms: int) -> Iterator[Waiting]:
        drain = {"API_DRAIN_TIMEOUT": str(drain_ms)}
        server = start(settings, tmp_path, **drain).start()
        waiting = Waiting(server, ann)
        waiting.begin(calls)
        count = lambda: len(services.query.page(Filters(), limit=99, after=None))  # noqa: E731
        Stack.until(lambda: count() == len(calls))
        time.sleep(0.5)
        server.stop()
        waiting.join()
        yield waiting

    return stopping


def test_answers_that_come_in_time_are_given_whole(
    stopping: Begin, settings: Settings, database: Database
) -> None:
    # Six hundred words each.
    with (
        FakeWorker(settings, database, lanes=CHAT_LANE, token_seconds=0.004, threads=8),
        stopping(CALLS, drain_ms=20_000) as waiting,
    ):
        assert {reply.status_code for reply in waiting.replies.values()} == {200}
        said = {key: reply.text for key, reply in waiting.replies.items()}

    assert all(text.count("story") >= 200 for text in said.values())
    assert said["openai", True].endswith("data: [DONE]\n\n")
    assert "event: message_stop" in said["anthropic", True]
    assert "event: response.completed" in said["responses", True]
    assert '"done":true' in said["ollama", True].splitlines()[-1]


def test_who_waits_too_long_is_told_so_and_its_job_goes_on(
    stopping: Begin, services: Services
) -> None:
    # Nobody answers: the whole ones have heard nothing, the streams only comments.
    with stopping(CALLS, drain_ms=3_000) as waiting:
        replies = waiting.replies

    for name in ASKED:
        whole = replies[name, False]
        assert whole.status_code == 503, whole.text
        assert "error" in whole.json()
        assert int(whole.headers["Retry-After"]) > 0
    assert replies["openai", False].json()["error"]["code"] == "draining"
    assert replies["openai", False].headers["x-should-retry"] == "true"
    for name in ("openai", "responses", "anthropic"):
        stream = replies[name, True]
        assert stream.status_code == 200
        *_, last = stream.text.removesuffix("\n\n").split("\n\n")
        assert "draining" in last
    # Ollama's streams have no comments, so its status is still to be said.
    assert replies["ollama", True].status_code == 503
    # A drain is no caller that vanished.
    jobs = services.query.page(Filters(), limit=99, after=None)
    assert {job.state for job in jobs} == {State.QUEUED}


def test_a_stream_that_has_begun_ends_with_an_error(
    stopping: Begin, settings: Settings, database: Database
) -> None:
    streams = [call for call in CALLS if call[1]]
    with (
        FakeWorker(settings, database, lanes=CHAT_LANE, token_seconds=0.05),
        stopping(streams, drain_ms=3_000) as waiting,
    ):
        replies = {name: reply.text for (name, _), reply in waiting.replies.items()}

    assert len(replies) == len(ASKED)
    for text in replies.values():
        assert "story" in text
        assert '"error"' in text[-700:]
    assert "data: [DONE]" not in replies["openai"]
    assert "message_stop" not in replies["anthropic"]
    assert "response.completed" not in replies["responses"]
    assert '"done":true' not in replies["ollama"]


def test_a_server_that_stops_takes_no_more_calls(ann: Api, services: Services) -> None:
    services.draining.set()
    try:
        replies = {
            name: ann.post(path, json={**BODY, **more})
            for name, (path, more) in ASKED.items()
        }
    finally:
        services.draining.clear()

    for reply in replies.values():
        assert reply.status_code == 503
        assert int(reply.headers["Retry-After"]) > 0
    assert replies["openai"].json["error"]["code"] == "draining"
    assert replies["anthropic"].json["error"]["type"] == "overloaded_error"
    assert replies["ollama"].headers["X-Corral-Error-Code"] == "draining"
