"""JOBS.md 17 to 20: the worker's end of the streams, on a real Redis."""

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import redis

from backend.core import metrics
from backend.core.redis_client import KeptConnection
from backend.core.streams.flusher import Flusher, JobStream
from backend.core.streams.frames import (
    LAST_SEQ,
    channel,
    stream_key,
)
from tests.integration.core.frames import kept, places, published, value
from tests.servers import RedisServer

LIFETIME_MS = 60_000


class Connection(KeptConnection):
    """A kept connection that a test may break."""

    failures = 0

    def execute(self, *commands: Sequence[Any]) -> list[Any]:
        if self.failures:
            self.failures -= 1
            raise redis.ConnectionError("broken")
        return super().execute(*commands)


@pytest.fixture
def connection(client: redis.Redis) -> Iterator[Connection]:
    connection = Connection(client)
    yield connection
    connection.close()


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def flusher(connection: Connection, clock: Clock) -> Flusher:
    return Flusher(connection, interval_ms=5, lifetime_ms=LIFETIME_MS, clock=clock)


def test_rule_17_frames_have_ids_of_attempt_and_number(
    flusher: Flusher, client: redis.Redis
) -> None:
    stream = JobStream("j", 1)
    flusher.add(stream, "Hel")
    flusher.flush()
    flusher.add(stream, "lo", "hm")
    flusher.add(stream, " you")
    flusher.flush()
    last = flusher.last_place(stream)
    flusher.end([(stream, b'{"state":"succeeded"}', None)])

    assert kept(client) == [
        ("1-1", "tokens", {"text_offset": 0, "text": "Hel"}),
        (
            "1-2",
            "tokens",
            {
                "text_offset": 3,
                "text": "lo you",
                "thinking_offset": 0,
                "thinking": "hm",
            },
        ),
        ("1-3", "end", {"state": "succeeded"}),
    ]
    assert str(last) == "1-3"


def test_rule_20_pending_text_leaves_with_the_end_in_one_pipeline(
    flusher: Flusher, client: redis.Redis
) -> None:
    stream = JobStream("j", 1)
    flusher.add(stream, "all of it")
    last = flusher.last_place(stream)
    flusher.end([(stream, b"{}", None)])

    assert places(client) == ["1-1", "1-2"]
    assert str(last) == "1-2"
    assert flusher.flush() == 0
    assert 0 < client.pttl(stream_key("j")) <= LIFETIME_MS


def test_the_last_text_wakes_nobody_since_its_end_follows(flusher: Flusher) -> None:
    stream = JobStream("j", 1)
    flusher.add(stream, "the end", soon=False)
    assert not flusher._some.is_set()
    assert not flusher._urgent.is_set()

    flusher.add(stream, ", or not")
    assert flusher._some.is_set()


def test_rule_19_frames_of_all_jobs_are_published_together(
    flusher: Flusher, client: redis.Redis
) -> None:
    # Of one process, as their ids' last byte tells.
    one, two = JobStream("a-7f", 1), JobStream("b-7f", 1)
    flusher.announce_state(one, b'{"state":"running"}')
    flusher.add(one, "x")
    flusher.add(two, "y")
    flusher.add(JobStream("another-7e", 1), "z")
    frames = published(client, flusher.flush)

    assert [(job, frame.event) for job, frame in frames] == [
        ("a-7f", "state"),
        ("a-7f", "tokens"),
        ("b-7f", "tokens"),
    ]
    assert [place for place, _, _ in kept(client, "a-7f")] == ["1-1"]


def test_rule_17_a_zombies_frames_are_refused_and_counted(
    flusher: Flusher, client: redis.Redis
) -> None:
    zombie, holder = JobStream("j", 1), JobStream("j", 2)
    flusher.add(zombie, "old")
    flusher.flush()
    flusher.restart(holder, b'{"attempt":2}')
    flusher.flush()
    before = value(metrics._refused_frames)
    flusher.add(zombie, "more of the old")
    flusher.end([(zombie, b"{}", None)])

    assert value(metrics._refused_frames) == before + 2
    assert places(client) == ["1-1", "2-0"]
    assert flusher.flush() == 0


def test_rule_20_an_outsiders_end_shuts_the_attempt(
    flusher: Flusher, client: redis.Redis
) -> None:
    client.xadd(stream_key("j"), {"e": "end", "d": "{}"}, id=f"1-{LAST_SEQ}")
    before = value(metrics._refused_frames)
    flusher.add(JobStream("j", 1), "late")
    flusher.flush()

    assert value(metrics._refused_frames) == before + 1
    assert places(client) == [f"1-{LAST_SEQ}"]


def test_rule_18_a_lost_stream_is_written_again_as_one_frame(
    flusher: Flusher, client: redis.Redis
) -> None:
    stream = JobStream("j", 1)
    flusher.add(stream, "one ")
    flusher.flush()
    client.flushall()
    flusher.add(stream, "two ")
    flusher.flush()
    assert places(client) == []
    flusher.flush()

    assert kept(client) == [("1-3", "tokens", {"text_offset": 0, "text": "one two "})]
    assert client.pttl(stream_key("j")) > 0


def test_a_flush_that_failed_is_repeated_with_the_whole_text(
    flusher: Flusher, client: redis.Redis, connection: Connection
) -> None:
    stream = JobStream("j", 1)
    flusher.add(stream, "one ")
    flusher.flush()
    connection.failures = 1
    before = value(metrics._stream_failures)
    flusher.add(stream, "two ")
    flusher.flush()
    flusher.flush()

    assert value(metrics._stream_failures) == before + 1
    assert kept(client)[-1][2] == {"text_offset": 0, "text": "one two "}


def test_the_row_is_published_before_its_end_and_not_kept(
    flusher: Flusher, client: redis.Redis
) -> None:
    stream = JobStream("j", 1)
    frames = published(client, lambda: flusher.end([(stream, b"{}", b"[[],null]")]))

    assert [(frame.event, frame.data) for _, frame in frames] == [
        ("row", b"[[],null]"),
        ("end", b"{}"),
    ]
    assert len(places(client)) == 1


def test_an_end_that_failed_is_not_written_later(
    flusher: Flusher, client: redis.Redis, connection: Connection
) -> None:
    stream = JobStream("j", 1)
    flusher.add(stream, "one")
    connection.failures = 1
    flusher.end([(stream, b"{}", None)])

    assert flusher.flush() == 0
    assert places(client) == []


def test_a_redis_that_is_full_is_no_zombies_fault(
    flusher: Flusher, client: redis.Redis
) -> None:
    stream = JobStream("j", 1)
    before = value(metrics._refused_frames)
    client.config_set("maxmemory", 1)
    try:
        flusher.add(stream, "x")
        flusher.flush()
    finally:
        client.config_set("maxmemory", 0)
    flusher.flush()

    assert value(metrics._refused_frames) == before
    assert kept(client)[-1][2] == {"text_offset": 0, "text": "x"}


def test_a_long_streams_expiry_is_renewed(
    flusher: Flusher, client: redis.Redis, clock: Clock
) -> None:
    stream = JobStream("j", 1)
    flusher.add(stream, "x")
    flusher.flush()
    client.pexpire(stream_key("j"), 1_000)
    flusher.add(stream, "y")
    flusher.flush()
    assert client.pttl(stream_key("j")) <= 1_000
    clock.now += 6
    flusher.add(stream, "z")
    flusher.flush()

    assert client.pttl(stream_key("j")) > 1_000


def test_what_a_superseded_attempt_had_to_say_is_dropped(
    flusher: Flusher, client: redis.Redis
) -> None:
    stream = JobStream("j", 1)
    flusher.add(stream, "x")
    flusher.drop(stream)

    assert flusher.flush() == 0
    assert kept(client) == []


def test_the_flushers_thread_carries_what_is_added_and_stops(
    connection: Connection, client: redis.Redis, redis_server: RedisServer
) -> None:
    flusher = Flusher(connection, interval_ms=5, lifetime_ms=LIFETIME_MS)
    thread = threading.Thread(target=flusher.run)
    thread.start()
    stream, quiet = JobStream("j", 1), JobStream("q", 2)
    heard = client.pubsub(ignore_subscribe_messages=True)
    heard.psubscribe(channel("*"))
    heard.get_message(timeout=1)

    flusher.announce_state(quiet, b"{}")
    assert heard.get_message(timeout=5) is not None
    flusher.restart(quiet, b"{}")
    assert heard.get_message(timeout=5) is not None
    # Should its end not follow, nobody has to ask for it.
    flusher.add(JobStream("l", 1), "last", soon=False)
    assert heard.get_message(timeout=5) is not None
    connection.failures = 1
    flusher.add(stream, "x")
    assert heard.get_message(timeout=5) is not None

    flusher.stop()
    thread.join(5)
    heard.close()
    assert not thread.is_alive()
    assert places(client) == ["1-2"]
    assert places(client, "q") == ["2-0"]
