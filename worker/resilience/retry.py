"""Decide when a failed attempt is repeated. Pure.

Whether it is, the database decides in the UPDATE that gives it back (JOBS.md 1, 3).
"""


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
