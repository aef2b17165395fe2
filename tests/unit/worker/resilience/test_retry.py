import pytest

from worker.resilience.retry import NextStep, decide, delay_seconds


@pytest.mark.parametrize(
    ("failures", "step"),
    [(1, NextStep.RETRY), (3, NextStep.RETRY), (4, NextStep.FAIL)],
)
def test_three_retries_are_four_counted_attempts(failures: int, step: NextStep) -> None:
    assert decide(is_retryable=True, failures=failures, max_retries=3) is step


def test_what_cannot_succeed_later_fails_at_once() -> None:
    assert decide(is_retryable=False, failures=1, max_retries=3) is NextStep.FAIL


def test_the_delay_doubles_up_to_its_cap() -> None:
    delays = [delay_seconds(n, base=1, cap=10, jitter=1) for n in (1, 2, 3, 4, 5, 99)]

    assert delays == [1, 2, 4, 8, 10, 10]


def test_the_delay_after_very_many_failures_is_still_a_number() -> None:
    assert delay_seconds(100_000, base=1, cap=10, jitter=1) == 10


def test_half_of_the_delay_is_random() -> None:
    assert delay_seconds(2, base=1, cap=10, jitter=0) == 1
    assert delay_seconds(2, base=1, cap=10, jitter=0.5) == 1.5
