from frontend.login_limit import LoginLimit


def test_attempts_up_to_the_limit_are_allowed_then_one_waits() -> None:
    limit = LoginLimit(2)

    assert [limit.wait_seconds("a", now) for now in (0, 1)] == [0, 0]
    assert limit.wait_seconds("a", 10) == 50


def test_a_refused_attempt_does_not_lengthen_the_wait() -> None:
    limit = LoginLimit(1)
    limit.wait_seconds("a", 0)
    limit.wait_seconds("a", 59)

    assert limit.wait_seconds("a", 60) == 0


def test_a_right_key_is_not_counted() -> None:
    limit = LoginLimit(1)
    limit.wait_seconds("a", 0)
    limit.forgive("a")
    limit.forgive("nobody")

    assert limit.wait_seconds("a", 1) == 0


def test_addresses_do_not_share_a_limit() -> None:
    limit = LoginLimit(1)
    limit.wait_seconds("a", 0)

    assert limit.wait_seconds("b", 0) == 0


def test_a_flood_of_addresses_does_not_fill_the_memory() -> None:
    limit = LoginLimit(1)
    for number in range(5000):
        limit.wait_seconds(str(number), 0)

    assert len(limit._seen) == 4096
