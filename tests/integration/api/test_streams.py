"""Event streams of the real server: resumed, followed, left."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import httpx
import orjson
import pytest

from backend.api.container import Services
from backend.core.db import Database
from backend.core.settings import Settings
from backend.core.streams.frames import stream_key
from tests.fakes.api_process import ApiProcess
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import Api
from tests.integration.api.server_caller import (
    CHAT_LANE,
    chat,
    headers_of,
    listen,
    start,
    submit,
)
from tests.integration.api.sse import SentEvent, joined_text, named, read_events


@pytest.fixture(scope="module")
def servers(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[ApiProcess]]:
    """Give two API servers over one database and one Redis."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(start(settings, tmp_path_factory.mktemp("api")))
            for _ in range(2)
        ]


def eventually(holds: Callable[[], bool], *, seconds: float = 5.0) -> bool:
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        if holds():
            return True
        time.sleep(0.02)
    return holds()


def stored(services: Services, job_id: str) -> str:
    result = services.reads.require(job_id, None).result
    return str(result["message"]["content"])


def test_a_stream_that_is_cut_and_resumed_across_two_servers_joins_to_the_result(
    servers: list[ApiProcess],
    ann: Api,
    settings: Settings,
    database: Database,
    services: Services,
) -> None:
    events: list[SentEvent] = []
    after, cuts = None, 0
    with FakeWorker(settings, database, lanes=CHAT_LANE, token_seconds=0.004):
        job_id = submit(servers[0], ann, chat("long naïve 🐎 answer"))
        while not any(named(events, "end")):
            text = listen(
                servers[cuts % 2], ann, job_id, after=after, size=500 + 37 * (cuts % 7)
            )
            events += read_events(text)
            after = next((e.id for e in reversed(events) if e.id), None)
            cuts += 1

    assert cuts > 3
    assert joined_text(events) == stored(services, job_id)
    ids = [event.id for event in events if event.id]
    assert len(ids) == len(set(ids))


def test_a_job_that_starts_over_resets_its_readers(
    servers: list[ApiProcess], ann: Api, worker: FakeWorker, services: Services
) -> None:
    headers = headers_of(ann, Accept="text/event-stream")
    reply = httpx.post(
        f"{servers[0].url}/api/v1/jobs",
        json=chat("restart in the middle of it"),
        headers=headers,
        timeout=20,
    )

    events = read_events(reply.text)
    assert reply.headers["Content-Type"] == "text/event-stream"
    assert reply.headers["Cache-Control"] == "no-cache"
    job_id = reply.headers["Location"].rsplit("/", 1)[-1]
    assert events[0].event == "state"
    assert [(e.id, e.data["attempt"]) for e in named(events, "reset")] == [("2-0", 2)]
    assert joined_text(events) == stored(services, job_id)
    assert events[-1].event == "end"
    assert events[-1].data["state"] == "succeeded"


def test_a_reader_of_an_older_attempt_is_reset_first(
    servers: list[ApiProcess], ann: Api, worker: FakeWorker, services: Services
) -> None:
    reply = ann.submit(
        request=chat("restart this one now")["request"], headers={"Prefer": "wait=20"}
    )
    job_id = reply.json["id"]
    services.redis.delete(stream_key(job_id))

    events = read_events(listen(servers[0], ann, job_id, after="1-1", size=100_000))

    assert [event.event for event in events] == ["state", "reset", "tokens", "end"]
    assert joined_text(events) == "restart this one now "
    assert events[-1].id == events[-2].id


def test_a_late_reader_gets_the_stored_result(
    servers: list[ApiProcess], ann: Api, worker: FakeWorker, services: Services
) -> None:
    reply = ann.submit(headers={"Prefer": "wait=20"})
    services.redis.flushall()

    text = listen(servers[1], ann, reply.json["id"], after=None, size=100_000)

    events = read_events(text)
    assert [event.event for event in events] == ["state", "tokens", "end"]
    assert joined_text(events) == "one two three "


def test_a_silent_stream_tells_the_place_and_that_it_lives(
    servers: list[ApiProcess], ann: Api
) -> None:
    submit(servers[0], ann, chat("first"))
    job_id = submit(servers[0], ann, chat("second"))

    text = listen(servers[0], ann, job_id, after=None, size=320)

    events = read_events(text)
    assert events[0].data["position"] == 2
    assert next(named(events, "")).data.startswith("queued position=2 eta=")


def test_a_stream_that_is_asked_for_at_once_learns_its_place(
    servers: list[ApiProcess], ann: Api
) -> None:
    headers = headers_of(ann, Accept="text/event-stream")
    read = b""
    with httpx.stream(
        "POST", f"{servers[0].url}/api/v1/jobs", json=chat("x"), headers=headers
    ) as reply:
        for piece in reply.iter_raw():
            read += piece
            if b"position=1" in read:
                break

    states = list(named(read_events(read.decode()), "state"))
    assert [state.data["position"] for state in states] == [None, 1]


# Callers that leave
def open_stream(server: ApiProcess, api: Api, job_id: str) -> socket.socket:
    """Open a stream by hand: nothing closes it but the test."""
    host, port = server.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    connection.sendall(
        f"GET /api/v1/jobs/{job_id}/events HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {api.key}\r\n\r\n".encode()
    )
    heard = b""
    while b"event: state" not in heard:
        heard += connection.recv(4_096)
    return connection


def test_rule_23_a_job_whose_last_caller_vanishes_is_cancelled_if_it_says_so(
    servers: list[ApiProcess], ann: Api, services: Services
) -> None:
    job_id = submit(servers[0], ann, chat("x", on_disconnect="cancel"))
    first = open_stream(servers[0], ann, job_id)
    second = open_stream(servers[1], ann, job_id)

    first.close()
    time.sleep(1.5)
    still = services.reads.require(job_id, None).state
    second.close()

    assert still == "queued"
    assert eventually(lambda: services.reads.require(job_id, None).state == "cancelled")


def test_rule_23_an_administrator_who_watches_neither_stops_a_job_nor_keeps_it(
    servers: list[ApiProcess], ann: Api, admin: Api, services: Services
) -> None:
    job_id = submit(servers[0], ann, chat("x", on_disconnect="cancel"))
    owner = open_stream(servers[0], ann, job_id)
    with closing(open_stream(servers[0], admin, job_id)):
        open_stream(servers[1], admin, job_id).close()
        time.sleep(1.5)
        still = services.reads.require(job_id, None).state
        owner.close()

        assert still == "queued"
        assert eventually(
            lambda: services.reads.require(job_id, None).state == "cancelled"
        )


def test_rule_23_the_watching_of_an_administrator_is_no_callers(
    servers: list[ApiProcess], ann: Api, admin: Api, services: Services
) -> None:
    job_id = submit(servers[0], ann, chat("x", on_disconnect="cancel"))

    open_stream(servers[0], admin, job_id).close()
    time.sleep(1.5)

    assert services.reads.require(job_id, None).state == "queued"


def test_rule_23_a_job_goes_on_without_its_caller_if_it_does_not_say_otherwise(
    servers: list[ApiProcess], ann: Api, services: Services
) -> None:
    job_id = submit(servers[0], ann, chat("x"))

    open_stream(servers[0], ann, job_id).close()
    time.sleep(1.5)

    assert services.reads.require(job_id, None).state == "queued"


def test_rule_23_a_waiting_caller_that_vanishes_cancels_its_job_if_it_says_so(
    servers: list[ApiProcess], ann: Api, services: Services
) -> None:
    headers = headers_of(ann, Prefer="wait=30")
    body = chat("x", on_disconnect="cancel")
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            f"{servers[0].url}/api/v1/jobs", json=body, headers=headers, timeout=1
        )

    def states() -> list[str]:
        page = ann.get("/api/v1/jobs").json
        assert page is not None
        return [job["state"] for job in page["data"]]

    assert eventually(lambda: states() == ["cancelled"], seconds=3)


def test_no_connection_to_the_database_is_held_by_open_streams(
    ann: Api, services: Services
) -> None:
    job_id = ann.submit().json["id"]
    with ExitStack() as stack:
        for _ in range(200):
            reply = stack.enter_context(
                closing(ann.get(f"/api/v1/jobs/{job_id}/events", buffered=False))
            )
            next(iter(reply.response))

        assert services.database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # a QueuePool
        assert services.database.hot.lent == 0


def test_events_of_a_payload_that_is_no_longer_kept_are_410(
    ann: Api, worker: FakeWorker, services: Services
) -> None:
    job_id = ann.submit(headers={"Prefer": "wait=20"}).json["id"]
    services.retention.drop_payloads(older_than_ms=1)

    job = ann.get(f"/api/v1/jobs/{job_id}").json
    replies = [
        ann.get(f"/api/v1/jobs/{job_id}/{what}") for what in ("events", "tokens")
    ]

    assert job is not None
    assert (job["state"], job["result"]) == ("succeeded", None)
    assert "request" not in job
    assert {reply.status_code for reply in replies} == {410}
    assert {orjson.loads(reply.data)["code"] for reply in replies} == {
        "payload_expired"
    }
