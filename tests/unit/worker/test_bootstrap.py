from worker.bootstrap import wait_for


def test_waiting_pauses_longer_and_longer_up_to_a_bound() -> None:
    problems = iter(["down"] * 8)
    slept: list[float] = []
    wait_for("database", lambda: next(problems, None), sleep=slept.append)

    assert slept == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]


def test_what_works_is_not_waited_for() -> None:
    slept: list[float] = []
    wait_for("redis", lambda: None, sleep=slept.append)

    assert slept == []
