import os
import time
import uuid

import pytest

from backend.core import identifiers
from backend.core.identifiers import family, oldest_uuid7, own_family, uuid7


def test_an_id_is_a_version_7_uuid_of_now() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(uuid7())
    after = time.time_ns() // 1_000_000

    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert before <= made.int >> 80 <= after


def test_ids_of_later_milliseconds_sort_behind() -> None:
    class Clock:
        def __init__(self) -> None:
            self.now = 1_700_000_000_000_000_000

        def time_ns(self) -> int:
            self.now += 1_000_000
            return self.now

    real = identifiers.time
    identifiers.time = Clock()  # type: ignore[assignment]  # only time_ns is used
    try:
        made = [uuid7() for _ in range(50)]
    finally:
        identifiers.time = real

    assert made == sorted(made)
    assert len(set(made)) == 50


def test_the_oldest_id_of_a_moment_is_before_all_ids_since() -> None:
    moment = time.time()

    assert oldest_uuid7(moment) <= uuid7()
    assert oldest_uuid7(moment + 1) > uuid7()


def test_ids_of_one_process_sort_as_they_were_made() -> None:
    made = [uuid7() for _ in range(5_000)]

    assert made == sorted(made)
    assert len(set(made)) == 5_000


def test_forked_processes_make_ids_of_their_own() -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, uuid7()[-16:].encode())
        os._exit(0)
    os.waitpid(child, 0)
    other = os.read(reader, 16).decode()
    os.close(reader)
    os.close(writer)

    assert other != uuid7()[-16:]


def test_an_id_follows_a_clock_that_is_set_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 3_600 * 10**9)
    ahead = uuid7()
    monkeypatch.setattr(time, "time_ns", lambda: real() - 10**8)
    slightly_behind = [uuid7(), uuid7()]
    monkeypatch.undo()

    assert slightly_behind[0] < ahead
    assert slightly_behind == sorted(slightly_behind)
    assert abs((uuid.UUID(uuid7()).int >> 80) - real() // 1_000_000) < 1_000


def test_ids_of_one_process_are_of_one_family() -> None:
    assert {family(uuid7()) for _ in range(50)} == {own_family()}
    assert family("01a1fdf8-ced8-7739-882f-8a6d3f50b4d9") == "d9"
