"""Decide whether a failed attempt is repeated, and when. Pure.

`failures` counts this one too. `OLLAMA_MAX_RETRIES` = 3 is 3 retries, so 4 counted
attempts; hand-backs do not count (JOBS.md 3).
"""

from enum import StrEnum


class NextStep(StrEnum):
    """What follows a failure."""

    RETRY = "retry"
    FAIL = "fail"


def decide(*, is_retryable: bool, failures: int, max_retries: int) -> NextStep:
    """Tell what follows the failure that made it `failures`."""
    if is_retryable and failures <= max_retries:
        return NextStep.RETRY
    return NextStep.FAIL


def delay_seconds(failures: int, *, base: float, cap: float, jitter: float) -> float:
    """Give how long to wait before the retry: doubling, up to a cap, half of it random.

    Args:
        failures: How many there were, at least 1.
        base: Seconds after the first.
        cap: Seconds at most.
        jitter: A random number from 0 to 1, so that many jobs that failed together do
            not come back together.
    """
    # 2 ** 60 seconds are more than any cap; larger powers only cost.
    whole = min(cap, base * 2.0 ** min(failures - 1, 60))
    return whole * (1 + jitter) / 2
