"""JOBS.md 5, 7, 15: what a beat renews and learns."""

import threading
from collections.abc import Sequence
from typing import Any, Self

import pytest
import redis

from backend.core.errors import DatabaseUnavailableError
from backend.core.jobs.states import State
from backend.core.queue import Slot
from tests.factories import claimed_job
from worker.heartbeat import CancelListener, Heartbeat
from worker.holdings import AbortReason, Holding, Holdings


class FakeTransition:
    def __init__(self) -> None:
        self.rows: list[tuple[str, int, State, bool]] = []
        self.renewed: list[Any] = []
        self.away = False

    def renew(self, held: Sequence[tuple[str, int]], *, owner: str, ms: int) -> None:
        if self.away:
            raise DatabaseUnavailableError
        self.renewed.append((list(held), owner, ms))

    def standing(self, ids: Sequence[str]) -> list[tuple[str, int, State, bool]]:
        return [row for row in self.rows if row[0] in ids]


class FakeWake:
    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        self.renewed: list[Slot] = []
        self.freed: list[Slot] = []
        self.drop_meanwhile: Slot | None = None
        self.away = False

    def renew_slots(self, slots: Sequence[Slot], *, lease_ms: int) -> None:
        if self.away:
            raise redis.ConnectionError
        if self.drop_meanwhile is not None:
            self._holdings.drop_slot(self.drop_meanwhile)
        self.renewed += slots

    def free_slot(self, slot: Slot) -> None:
        self.freed.append(slot)


@pytest.fixture
def holdings() -> Holdings:
    return Holdings()


@pytest.fixture
def transition() -> FakeTransition:
    return FakeTransition()


@pytest.fixture
def wake(holdings: Holdings) -> FakeWake:
    return FakeWake(holdings)


@pytest.fixture
def heartbeat(
    transition: FakeTransition, wake: FakeWake, holdings: Holdings
) -> Heartbeat:
    return Heartbeat(
        transition=transition,  # type: ignore[arg-type]  # has the same methods
        wake=wake,  # type: ignore[arg-type]  # likewise
        holdings=holdings,
        incarnation="me",
        lease_ms=6_000,
        interval_seconds=0.001,
    )


@pytest.fixture
def holding(holdings: Holdings) -> Holding:
    return holdings.hold(claimed_job(id="a", attempt=2))


def test_rule_5_exactly_what_is_held_is_renewed(
    heartbeat: Heartbeat, transition: FakeTransition, holding: Holding
) -> None:
    transition.rows = [("a", 2, State.RUNNING, False)]
    heartbeat.beat()

    assert transition.renewed == [([("a", 2)], "me", 6_000)]
    assert holding.switch.reason is None


def test_nothing_held_is_nothing_asked(
    heartbeat: Heartbeat, transition: FakeTransition
) -> None:
    heartbeat.beat()

    assert transition.renewed == []


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], AbortReason.SUPERSEDED),
        ([("a", 3, State.RUNNING, False)], AbortReason.SUPERSEDED),
        ([("a", 2, State.QUEUED, True)], AbortReason.SUPERSEDED),
        ([("a", 2, State.CANCELLED, True)], AbortReason.SUPERSEDED),
        ([("a", 2, State.RUNNING, True)], AbortReason.CANCELLED),
    ],
)
def test_the_row_tells_whether_the_job_is_ours_and_wanted(
    heartbeat: Heartbeat,
    transition: FakeTransition,
    holding: Holding,
    rows: list[tuple[str, int, State, bool]],
    reason: AbortReason,
) -> None:
    transition.rows = rows
    heartbeat.beat()

    assert holding.switch.reason == reason


def test_an_outage_of_one_store_does_not_keep_the_other_waiting(
    heartbeat: Heartbeat,
    transition: FakeTransition,
    wake: FakeWake,
    holdings: Holdings,
    holding: Holding,
) -> None:
    slot = Slot("m", "n", "h")
    holdings.add_slot(slot)
    transition.away = True
    heartbeat.beat()
    assert wake.renewed == [slot]
    assert holding.switch.reason is None

    wake.away = True
    heartbeat.beat()


def test_rule_15_a_slot_freed_while_it_was_renewed_is_freed_again(
    heartbeat: Heartbeat, wake: FakeWake, holdings: Holdings
) -> None:
    kept, freed = Slot("m", "n", "kept"), Slot("m", "n", "freed")
    holdings.add_slot(kept)
    holdings.add_slot(freed)
    wake.drop_meanwhile = freed
    heartbeat.beat()

    assert wake.freed == [freed]


def test_it_beats_until_stopped(heartbeat: Heartbeat) -> None:
    before = heartbeat.last_seen
    thread = threading.Thread(target=heartbeat.run)
    thread.start()
    while heartbeat.last_seen == before:
        pass
    heartbeat.stop()
    thread.join(10)

    assert not thread.is_alive()


class FakePubSub:
    """Gives what a test says; an exception is a lost connection."""

    def __init__(self, script: list[Any]) -> None:
        self._script = script

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def subscribe(self, channel: str) -> None:
        return

    def get_message(self, timeout: float) -> Any:
        step = self._script.pop(0)
        return step() if callable(step) else step


class FakeRedis:
    def __init__(self, script: list[Any]) -> None:
        self._script = script

    def pubsub(self, **_: object) -> FakePubSub:
        return FakePubSub(self._script)


def test_a_cancel_is_heard_at_once_and_again_after_a_lost_connection(
    holdings: Holdings, holding: Holding
) -> None:
    slept: list[float] = []

    def lose() -> None:
        raise redis.ConnectionError

    def stop() -> dict[str, bytes]:
        listener.stop()
        return {"data": b"unknown"}

    script = [None, lose, {"data": b"a"}, stop]
    listener = CancelListener(FakeRedis(script), holdings, sleep=slept.append)  # type: ignore[arg-type]  # has the same method
    listener.run()

    assert holding.switch.reason == AbortReason.CANCELLED
    assert slept == [0.5]
