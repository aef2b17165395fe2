from worker.resilience.retry import delay_seconds


def test_the_delay_doubles_up_to_its_cap() -> None:
    delays = [delay_seconds(n, base=1, cap=10, jitter=1) for n in (1, 2, 3, 4, 5, 99)]

    assert delays == [1, 2, 4, 8, 10, 10]


def test_the_delay_after_very_many_failures_is_still_a_number() -> None:
    assert delay_seconds(100_000, base=1, cap=10, jitter=1) == 10


def test_half_of_the_delay_is_random() -> None:
    assert delay_seconds(2, base=1, cap=10, jitter=0) == 1
    assert delay_seconds(2, base=1, cap=10, jitter=0.5) == 1.5
