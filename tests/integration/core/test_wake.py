"""JOBS.md 11 to 15: the protocol's steps on a real Redis."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from backend.core.queue import LOOK, Announcer, Load, Slot, Wake, hint, read_hint
from backend.core.redis_client import KeptConnections
from tests.factories import MODEL, due_job

TICKETS = f"gen:{MODEL}"
MARK = f"corral:more:{MODEL}"
HINTS = [b"h1", b"h2", b"h3"]


@pytest.fixture
def wake(connections: KeptConnections) -> Wake:
    return Wake(connections)


def slot(number: int, node: str = "n") -> Slot:
    return Slot(MODEL, node, f"s{number}")


def take(wake: Wake, number: int, *, slots: int = 2, node: str = "n") -> int:
    return int(wake.take_slot(slot(number, node), slots=slots, lease_ms=5_000))


def idle(client: redis.Redis, *numbers: int, ms: int = 5_000) -> None:
    now = time.time() * 1000
    for number in numbers:
        client.zadd(f"corral:idle:{MODEL}", {f"s{number}": now + ms})


def hints_of(client: redis.Redis, number: int) -> list[bytes]:
    found: list[bytes] = client.lrange(f"corral:wake:s{number}", 0, -1)  # type: ignore[assignment]  # not a coroutine
    return found


def test_a_model_without_known_slots_gets_nothing(wake: Wake) -> None:
    assert wake.announce(MODEL, HINTS) == (0, 0)


def test_a_lingering_slot_gets_the_job_itself(wake: Wake, client: redis.Redis) -> None:
    wake.publish_capacity(MODEL, "n", 2)
    idle(client, 1, 2)

    assert wake.announce(MODEL, HINTS[:1]) == (0, 1)
    # The one that came last: the others' threads are free the sooner.
    assert hints_of(client, 2) == [b"h1"]
    assert hints_of(client, 1) == []


def test_those_without_a_lingering_slot_get_a_ticket_each(
    wake: Wake, client: redis.Redis
) -> None:
    wake.publish_capacity(MODEL, "n", 3)
    idle(client, 1)

    assert wake.announce(MODEL, HINTS) == (2, 1)


def test_a_slot_whose_linger_is_over_is_given_nothing(
    wake: Wake, client: redis.Redis
) -> None:
    wake.publish_capacity(MODEL, "n", 2)
    idle(client, 1, ms=-1_000)

    assert wake.announce(MODEL, HINTS[:1]) == (1, 0)


def test_no_more_tickets_wait_than_the_model_has_slots(
    wake: Wake, client: redis.Redis
) -> None:
    wake.publish_capacity(MODEL, "n", 2)
    assert wake.announce(MODEL, HINTS) == (2, 0)
    client.rpush(TICKETS, "t")
    assert wake.announce(MODEL, HINTS) == (1, 0)
    client.rpush(TICKETS, "t")

    assert wake.announce(MODEL, HINTS) == (0, 0)
    assert wake.waiting_tickets(MODEL) == 2


def test_a_waiting_ticket_counts_as_the_slot_that_it_will_take(
    wake: Wake, client: redis.Redis
) -> None:
    wake.publish_capacity(MODEL, "n", 3)
    take(wake, 1)
    client.rpush(TICKETS, "t")

    assert wake.announce(MODEL, HINTS[:1]) == (1, 0)
    assert client.get(MARK) is None
    assert wake.announce(MODEL, HINTS) == (1, 0)
    assert client.get(MARK) == b"1"


def test_tickets_of_another_model_do_not_count(wake: Wake, client: redis.Redis) -> None:
    wake.publish_capacity(MODEL, "n", 1)
    client.rpush("gen:other:latest", *["t"] * 9)

    assert wake.announce(MODEL, HINTS) == (1, 0)
    assert wake.other_tickets_wait(MODEL, [MODEL, "other:latest"])
    assert not wake.other_tickets_wait("other:latest", [MODEL, "other:latest"])
    assert not wake.other_tickets_wait(MODEL, [MODEL])


def test_where_all_slots_are_held_a_mark_is_left(
    wake: Wake, client: redis.Redis
) -> None:
    wake.publish_capacity(MODEL, "n", 2)
    take(wake, 1)
    take(wake, 2)

    assert wake.announce(MODEL, HINTS) == (0, 0)
    assert client.get(MARK) == b"1"


def test_who_registers_and_finds_the_mark_clears_it_and_looks(
    wake: Wake, client: redis.Redis
) -> None:
    client.set(MARK, 1)

    assert wake.linger(slot(1), linger_ms=5_000, in_all_ms=5_000) == LOOK
    assert client.get(MARK) is None
    assert client.zcard(f"corral:idle:{MODEL}") == 0


def test_a_slot_that_hears_nothing_may_leave(wake: Wake, client: redis.Redis) -> None:
    assert wake.linger(slot(1), linger_ms=10, in_all_ms=10) is None
    assert client.zcard(f"corral:idle:{MODEL}") == 0


def test_a_slot_that_lingers_is_woken(wake: Wake, client: redis.Redis) -> None:
    wake.publish_capacity(MODEL, "n", 1)
    got: list[bytes | None] = []
    thread = threading.Thread(
        target=lambda: got.append(
            wake.linger(slot(1), linger_ms=4_000, in_all_ms=4_000)
        )
    )
    thread.start()
    while not client.zcard(f"corral:idle:{MODEL}"):
        time.sleep(0.001)
    assert wake.announce(MODEL, HINTS[:1]) == (0, 1)
    thread.join(10)

    assert got == [b"h1"]


@pytest.mark.parametrize(("hint_left", "found"), [(b"h1", b"h1"), (None, LOOK)])
def test_a_hint_given_in_the_instant_of_leaving_is_taken(
    wake: Wake, client: redis.Redis, hint_left: bytes | None, found: bytes
) -> None:
    run = wake._connections.run

    def given_at_the_last_moment(command: tuple[object, ...]) -> object:
        answer = run(command)
        if command[0] == "BLPOP":
            client.zrem(f"corral:idle:{MODEL}", "s1")
            if hint_left:
                client.lpush("corral:wake:s1", hint_left)
        return answer

    wake._connections.run = given_at_the_last_moment  # type: ignore[method-assign,assignment]  # between two steps

    assert wake.linger(slot(1), linger_ms=5, in_all_ms=5) == found


def test_slots_are_taken_up_to_their_number_and_freed(wake: Wake) -> None:
    wake.publish_capacity(MODEL, "n", 2)

    assert [take(wake, n) for n in (1, 2, 3)] == [1, 1, 0]
    assert wake.load(MODEL) == Load(capacity=2, held=2)
    wake.free_slot(slot(1))
    assert take(wake, 3) == 1


def test_a_slot_whose_lease_is_over_is_free(wake: Wake) -> None:
    wake.publish_capacity(MODEL, "n", 1)
    wake.take_slot(slot(1), slots=1, lease_ms=1)
    time.sleep(0.01)

    assert wake.load(MODEL).held == 0
    assert take(wake, 2, slots=1) == 1


def test_who_loses_redis_while_it_lingers_is_hinted_no_more(
    wake: Wake, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = wake._connections.run

    def lose(command: tuple[object, ...]) -> object:
        if command[0] == "BLPOP":
            raise redis.ConnectionError
        return run(command)

    monkeypatch.setattr(wake._connections, "run", lose)

    with pytest.raises(redis.ConnectionError):
        wake.linger(slot(1), linger_ms=10, in_all_ms=5_000)
    assert client.zcard(f"corral:idle:{MODEL}") == 0


def test_whoever_was_busy_last_is_woken_first(wake: Wake, client: redis.Redis) -> None:
    wake.publish_capacity(MODEL, "n", 2)
    # One lingers for the last time, the other for the first.
    lingers = ((slot(1), 500, 500), (slot(2), 400, 2_000))
    with ThreadPoolExecutor(2) as pool:
        for who, linger_ms, in_all_ms in lingers:
            pool.submit(wake.linger, who, linger_ms=linger_ms, in_all_ms=in_all_ms)
        while client.zcard(f"corral:idle:{MODEL}") < len(lingers):
            time.sleep(0.001)
        wake.announce(MODEL, HINTS[:1])

        assert client.zrange(f"corral:idle:{MODEL}", 0, -1) == [b"s1"]


def test_a_ticket_without_a_slot_wakes_a_lingering_one_or_leaves_the_mark(
    wake: Wake, client: redis.Redis
) -> None:
    wake.publish_capacity(MODEL, "n", 1)
    take(wake, 1, slots=1)
    idle(client, 1)

    assert take(wake, 2, slots=1) == 0
    assert hints_of(client, 1) == [LOOK]
    assert client.get(MARK) is None
    assert take(wake, 2, slots=1) == 0
    assert client.get(MARK) == b"1"


def test_rule_15_a_full_nodes_ticket_is_sent_on_while_another_has_a_slot(
    wake: Wake,
) -> None:
    wake.publish_capacity(MODEL, "n", 1)
    wake.publish_capacity(MODEL, "m", 1)
    take(wake, 1, slots=1)

    taken = wake.take_slot(slot(2), slots=1, lease_ms=5_000)
    assert taken.send_on
    assert not taken.got
    assert take(wake, 3, slots=1, node="m") == 1
    assert take(wake, 4, slots=1) == 0
    wake.withdraw_capacity(MODEL, "m")
    assert wake.load(MODEL) == Load(capacity=1, held=1)


def test_rule_15_a_slot_that_redis_lost_is_put_back(
    wake: Wake, client: redis.Redis
) -> None:
    wake.publish_capacity(MODEL, "n", 2)
    take(wake, 1)
    client.flushall()
    wake.publish_capacity(MODEL, "n", 2)
    wake.renew_slots([slot(1), slot(2)], lease_ms=5_000)

    assert wake.load(MODEL).held == 2
    wake.renew_slots([], lease_ms=5_000)


def test_scripts_that_redis_forgot_are_sent_again(
    wake: Wake, client: redis.Redis
) -> None:
    wake.publish_capacity(MODEL, "n", 2)
    client.script_flush()

    assert wake.load(MODEL).capacity == 2


def test_another_error_of_redis_is_told(wake: Wake, client: redis.Redis) -> None:
    client.set(f"corral:idle:{MODEL}", "no sorted set")

    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        wake.linger(slot(1), linger_ms=5, in_all_ms=5)


def test_a_job_travels_in_a_hint_unless_it_is_large() -> None:
    job = due_job(request="Grüße 🐟".encode(), traceparent="t", attempt=3)

    assert read_hint(hint(job)) == job
    assert hint(due_job(request=b"x" * 9_000)) == LOOK
    assert read_hint(LOOK) is None


def test_the_announcer_sends_what_the_step_says(
    wake: Wake, client: redis.Redis
) -> None:
    wake.publish_capacity(MODEL, "n", 3)
    idle(client, 1)
    sent: list[str] = []
    jobs = [due_job() for _ in range(3)]

    assert Announcer(wake, sent.append).announce(MODEL, jobs) == 1
    assert sent == [MODEL, MODEL]
    assert read_hint(hints_of(client, 1)[0]) == jobs[0]
