from backend.core.queue import Slot
from tests.factories import claimed_job
from worker.holdings import AbortReason, Holdings


def test_a_held_job_is_found_until_it_is_released() -> None:
    holdings = Holdings()
    holding = holdings.hold(claimed_job(id="a"))

    assert holdings.find("a") is holding
    assert holdings.jobs() == [holding]
    holdings.release(holding)
    assert holdings.find("a") is None
    holdings.release(holding)
    assert holdings.jobs() == []


def test_a_job_that_was_lost_and_got_again_is_held_once() -> None:
    holdings = Holdings()
    old = holdings.hold(claimed_job(id="a", attempt=1))
    new = holdings.hold(claimed_job(id="a", attempt=2))

    assert old.switch.reason == AbortReason.SUPERSEDED
    assert new.switch.reason is None
    holdings.release(old)
    assert holdings.find("a") is new


def test_slots_are_held_by_their_holder() -> None:
    holdings = Holdings()
    slot = Slot("m", "n", "h")
    holdings.add_slot(slot)
    assert holdings.slots() == [slot]
    holdings.drop_slot(slot)
    holdings.drop_slot(slot)

    assert holdings.slots() == []


def test_times_are_counted_from_the_claim() -> None:
    holding = Holdings().hold(claimed_job(deadline_ms=60_000))
    assert holding.first_token_ms is None
    holding.first_token_at = holding.claimed_at + 0.5

    assert holding.first_token_ms == 500
    assert 50 < holding.seconds_left <= 60
    holding.claimed_at -= 100
    assert holding.seconds_left < 0
    assert holding.age_seconds >= 100
