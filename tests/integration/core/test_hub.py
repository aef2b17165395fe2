"""JOBS.md 19 and 20: one subscription per process, and the database for the silent."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest
import redis

from backend.core.errors import DatabaseUnavailableError
from backend.core.identifiers import uuid7
from backend.core.jobs.records import JobRecord, Moved
from backend.core.jobs.states import Kind, State
from backend.core.redis_client import connect
from backend.core.streams import hub as hub_module
from backend.core.streams import mailbox as mailbox_module
from backend.core.streams.follow import Record
from backend.core.streams.frames import (
    LAST_SEQ,
    ROW,
    START,
    EntryId,
    EventName,
    Frame,
    channel_of,
    publication,
    stream_key,
)
from backend.core.streams.hub import Hub
from backend.core.streams.mailbox import REREAD, Mail, Mailbox
from backend.core.streams.outsider import CANCEL_CHANNEL, OutsiderStream
from tests.servers import RedisServer
from tests.unit.backend.core.streams.reader import job

FRAME = Frame(EventName.TOKENS, b'{"text":"x"}', EntryId(1, 1))
END = Frame(EventName.END, b"{}", EntryId(1, 2))


class Rows:
    """The database as the hub asks it."""

    def __init__(self) -> None:
        self.asked: list[Sequence[str]] = []
        self.away = False

    def __call__(self, ids: Sequence[str]) -> list[JobRecord]:
        self.asked.append(ids)
        if self.away:
            raise DatabaseUnavailableError
        return [job(id=job_id) for job_id in ids if job_id != "unknown"]


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def hub(client: redis.Redis, rows: Rows) -> Iterator[Hub]:
    hub = Hub(client, rows)
    yield hub
    hub.stop()


def until(is_so: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < give_up_at
        time.sleep(0.005)


def drained(box: Mailbox) -> list[Mail]:
    found = []
    while (mail := box.get(0.2)) is not None:
        found.append(mail)
    return found


def say(client: redis.Redis, *frames: Frame, job_id: str = "j") -> None:
    client.publish(channel_of(job_id), publication((job_id, frame) for frame in frames))


def test_a_waiter_hears_its_own_jobs_frames(hub: Hub, client: redis.Redis) -> None:
    hub.wait_until_settled()
    mine, other, closed = hub.open("j"), hub.open("other"), hub.open("j")
    patient = hub.open("j", only_end=True)
    hub.close(closed)
    hub.close(closed)
    say(client, FRAME, Frame(ROW, b"[[],null]"), END)

    assert drained(mine)[-2:] == [FRAME, END]
    assert END not in drained(other)
    assert END not in drained(closed)
    assert [mail for mail in drained(patient) if mail is not REREAD] == [END]
    assert (patient.row, other.row) == (b"[[],null]", None)
    for box in (mine, other, patient):
        hub.close(box)
    assert hub._boxes == {}


def heard_by_anybody(client: redis.Redis) -> set[str]:
    names: list[bytes] = client.pubsub_channels()  # type: ignore[assignment]  # not a coroutine
    return {name.decode() for name in names}


def test_a_process_hears_its_own_jobs_and_others_while_somebody_reads_them(
    hub: Hub, client: redis.Redis
) -> None:
    hub.wait_until_settled()
    own, others = uuid7(), ["one-xx", "two-xx", "three-yy"]
    home, foreign = channel_of(own), {channel_of(job_id) for job_id in others}
    assert heard_by_anybody(client) == {home}

    boxes = [hub.open(job_id) for job_id in (own, *others)]
    assert heard_by_anybody(client) == {home, *foreign}
    say(client, FRAME, job_id="two-xx")
    assert [FRAME in drained(box) for box in boxes] == [False, False, True, False]
    hub.close(boxes[1])
    until(lambda: heard_by_anybody(client) == {home, *foreign})
    for box in (boxes[0], *boxes[2:]):
        hub.close(box)

    until(lambda: heard_by_anybody(client) == {home})


def test_a_write_that_fails_makes_the_hub_subscribe_to_all_anew(
    hub: Hub, client: redis.Redis
) -> None:
    hub.wait_until_settled()
    home = channel_of(uuid7())
    sock = hub._subscription._connection._sock
    sock.shutdown(socket.SHUT_RDWR)

    # The first finds the connection broken, the second must not mend it by itself.
    boxes = [hub.open(job_id) for job_id in ("one-xx", "two-yy")]

    wanted = {home, *(channel_of(box.job_id) for box in boxes)}
    until(lambda: heard_by_anybody(client) == wanted)
    for box in boxes:
        hub.close(box)


def test_a_message_that_nobody_can_read_does_not_make_the_hub_deaf(
    hub: Hub, client: redis.Redis
) -> None:
    hub.wait_until_settled()
    box = hub.open("j")
    drained(box)
    client.publish(channel_of("j"), b"no frame")

    # It subscribes anew, and says so.
    assert box.get(20) is REREAD
    say(client, FRAME)
    assert box.get(20) == FRAME


def test_after_a_reconnect_all_read_again(
    redis_server: RedisServer, rows: Rows
) -> None:
    client = connect(redis_server.url(), timeout_seconds=5)
    hub = Hub(client, rows)
    hub.wait_until_settled()
    box = hub.open("j")
    drained(box)
    redis_server.restart()

    assert box.get(20) is REREAD
    say(client, FRAME)
    assert box.get(20) == FRAME
    hub.stop()


def test_a_subscription_that_cannot_stand_is_known_to_be_down(rows: Rows) -> None:
    hub = Hub(connect("redis://127.0.0.1:1/0", timeout_seconds=1), rows)
    began = time.monotonic()
    hub.wait_until_settled()
    hub.wait_until_settled()

    assert time.monotonic() - began < 4
    hub.stop()


def test_a_full_mailbox_is_emptied_and_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mailbox_module, "_MAILBOX_FRAMES", 3)
    box = Mailbox("j")
    for _ in range(4):
        box.put(FRAME)

    assert box.get(0.01) is REREAD
    assert box.get_now() is None


def test_silent_jobs_are_asked_about_together(hub: Hub, rows: Rows) -> None:
    boxes = [hub.open(job_id) for job_id in ("b", "a", "a", "unknown")]
    loud = hub.open("loud")
    for box in boxes:
        box.heard_at -= 3

    hub.ask_about_silent_jobs()

    assert rows.asked == [["a", "b", "unknown"]]
    found = [box.get_now() for box in boxes]
    assert [getattr(row, "id", None) for row in found] == ["b", "a", "a", None]
    assert loud.get_now() is None


def test_nobody_silent_is_no_question(hub: Hub, rows: Rows) -> None:
    hub.open("j")
    hub.ask_about_silent_jobs()

    assert rows.asked == []


def test_a_database_that_is_away_does_not_end_the_watch(
    client: redis.Redis, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "_SILENCE_SECONDS", 0.02)
    hub = Hub(client, rows)
    rows.away = True
    hub.start()
    box = hub.open("j")
    until(lambda: len(rows.asked) >= 2)
    rows.away = False

    until(lambda: isinstance(box.get(1), JobRecord))
    hub.stop()


def test_mailboxes_may_come_and_go_while_frames_arrive(
    hub: Hub, client: redis.Redis
) -> None:
    hub.wait_until_settled()
    kept = hub.open("j")
    stop = threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            hub.close(hub.open("j"))

    thread = threading.Thread(target=come_and_go)
    thread.start()
    frames = [Frame(EventName.TOKENS, b"{}", EntryId(1, n)) for n in range(1, 301)]
    for frame in frames:
        say(client, frame)
    say(client, END)
    heard: list[Mail] = []
    until(lambda: (mail := kept.get(1)) is END or heard.append(mail) or mail == END)  # type: ignore[func-returns-value,arg-type]  # collects what it hears
    stop.set()
    thread.join()

    assert [mail for mail in heard if mail in frames] == frames


def moved(state: State, attempt: int = 1) -> Moved:
    names = ("m:latest", "M")
    at = ("j", attempt, state, *names, Kind.CHAT)
    return Moved(*at, error={"code": "x"}, completion_tokens=3)


def test_an_outsider_ends_at_the_very_last_place(client: redis.Redis) -> None:
    outsider = OutsiderStream(client, lifetime_ms=60_000)
    outsider.moved(moved(State.CANCELLED, attempt=0))

    (frame,) = Record(client).after("j", START) or []
    assert (frame.event, frame.id) == ("end", EntryId(0, LAST_SEQ))
    assert b'"code":"x"' in frame.data
    assert b'"completion_tokens":3' in frame.data
    assert 0 < client.pttl(stream_key("j")) <= 60_000


def test_an_outsider_tells_of_a_job_that_waits_again_and_of_a_cancel(
    client: redis.Redis,
) -> None:
    pubsub = client.pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe(channel_of("j"), CANCEL_CHANNEL)
    for _ in range(2):
        pubsub.get_message(timeout=1)
    outsider = OutsiderStream(client, lifetime_ms=60_000)
    outsider.moved(moved(State.QUEUED))
    outsider.ask_cancel("j")

    said = [pubsub.get_message(timeout=5) for _ in range(2)]
    pubsub.close()
    assert b'"state":"queued"' in said[0]["data"]
    # Rule 28: the caller's spelling is kept for the answer.
    assert b'"model":"M"' in said[0]["data"]
    assert said[1]["data"] == b"j"
    assert Record(client).after("j", START) == []


def test_an_outsider_and_a_reader_never_fail_for_want_of_redis() -> None:
    gone = connect("redis://127.0.0.1:1/0", timeout_seconds=1)

    OutsiderStream(gone, lifetime_ms=1).moved(moved(State.FAILED))
    assert Record(gone).after("j", START) is None
