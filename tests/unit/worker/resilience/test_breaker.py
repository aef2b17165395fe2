import pytest

from worker.resilience.breaker import (
    CLOSED,
    BreakerMode,
    BreakerPolicy,
    BreakerState,
    after_admission,
    after_failure,
    after_nothing,
    after_success,
    allows,
    mode,
)

POLICY = BreakerPolicy(threshold=3, timeout_seconds=60)
OPENED_AT_100 = BreakerState(failures=3, retry_at=160)
PROBING_AT_160 = BreakerState(failures=3, retry_at=220, is_probing=True)


def failed(times: int, *, now: float = 100) -> BreakerState:
    state = CLOSED
    for _ in range(times):
        state = after_failure(state, now, POLICY)
    return state


def test_a_breaker_stays_closed_below_its_threshold() -> None:
    state = failed(2)

    assert mode(state, 100) is BreakerMode.CLOSED
    assert allows(state, 100)


def test_as_many_failures_in_a_row_as_the_threshold_open_it() -> None:
    state = failed(3)

    assert state == OPENED_AT_100
    assert mode(state, 159) is BreakerMode.OPEN
    assert not allows(state, 159)


def test_a_success_in_between_starts_the_count_anew() -> None:
    state = after_success(failed(2))

    assert state == CLOSED


def test_after_its_time_an_open_breaker_lets_a_probe_through() -> None:
    assert mode(OPENED_AT_100, 160) is BreakerMode.HALF_OPEN
    assert allows(OPENED_AT_100, 160)


def test_only_one_probe_goes() -> None:
    state = after_admission(OPENED_AT_100, 160, POLICY)

    assert state == PROBING_AT_160
    assert mode(state, 161) is BreakerMode.HALF_OPEN
    assert not allows(state, 219)


def test_a_probe_that_is_never_heard_of_again_is_followed_by_another() -> None:
    assert allows(PROBING_AT_160, 220)


def test_a_request_through_a_closed_breaker_changes_nothing() -> None:
    assert after_admission(failed(2), 100, POLICY) == failed(2)


def test_a_successful_probe_closes_it() -> None:
    assert after_success(PROBING_AT_160) == CLOSED


def test_a_failed_probe_opens_it_again_for_as_long() -> None:
    state = after_failure(PROBING_AT_160, 170, POLICY)

    assert mode(state, 229) is BreakerMode.OPEN
    assert allows(state, 230)


def test_a_probe_that_proves_nothing_lets_the_next_one_go_at_once() -> None:
    state = after_nothing(PROBING_AT_160, 165)

    assert allows(state, 165)


@pytest.mark.parametrize("state", [CLOSED, OPENED_AT_100])
def test_nothing_proved_without_a_probe_changes_nothing(state: BreakerState) -> None:
    assert after_nothing(state, 165) == state


def test_what_was_sent_before_the_opening_neither_closes_nor_prolongs_it() -> None:
    assert after_success(OPENED_AT_100) == OPENED_AT_100
    assert after_failure(OPENED_AT_100, 150, POLICY) == OPENED_AT_100
