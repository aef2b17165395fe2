"""What a key's limits mean for who submits."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from prometheus_client import REGISTRY

from backend.api.container import Services
from backend.core.errors import DatabaseUnavailableError
from backend.core.jobs.repository.insert import JobInsert
from backend.core.jobs.states import State
from backend.core.limits.decision import KeyLimits
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import Api, make_key, submit, waited
from tests.integration.api.sse import read_events

# What `Api.submit` asks for: 13 characters, and as many tokens as there may be.
COST = 4 + 2_048
RATE = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


def code_of(reply: Any) -> tuple[int, str]:
    return reply.status_code, reply.json["code"]


@pytest.fixture
def limited(app: Flask, services: Services) -> Any:
    """Give what makes a caller with limits."""

    def make(**limits: int) -> Api:
        return Api(app.test_client(), make_key(services, "dan", **limits))

    return make


def used(services: Services, api: Api) -> tuple[int, int, int, int, int]:
    limits = services.keys.recognise(str(api.key)).limits
    assert limits is not None
    at = services.reservations.standing(limits)
    return at.requests, at.tokens, at.charged, at.reserved, at.places


@pytest.mark.parametrize(
    ("limits", "code", "status", "after"),
    [
        ({"rpm": 1}, "rate_limited", 429, range(58, 61)),
        ({"tpm": 3_000}, "rate_limited", 429, range(58, 61)),
        ({"max_concurrency": 1}, "rate_limited", 429, range(1, 2)),
        ({"daily_tokens": 3_000}, "rate_limited", 429, range(1, 2)),
    ],
)
def test_what_is_used_up_is_refused_with_the_time_to_wait_and_the_limits_name(
    limited: Any, limits: dict[str, int], code: str, status: int, after: range
) -> None:
    dan = limited(**limits)
    submit(dan)

    reply = dan.submit()

    assert code_of(reply) == (status, code)
    assert int(reply.headers["Retry-After"]) in after
    assert next(iter(limits)) in reply.json["detail"]


def test_a_day_that_is_used_up_is_told_apart(limited: Any, worker: FakeWorker) -> None:
    # The first is let in by its estimate and takes at least its prompt's tokens.
    dan = limited(daily_tokens=COST + 2)
    assert waited(dan).status_code == 200

    reply = dan.submit()

    assert code_of(reply) == (429, "insufficient_quota")
    now = datetime.now(UTC)
    midnight = datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1)
    left = (midnight - now).total_seconds()
    assert abs(int(reply.headers["Retry-After"]) - left) < 5


@pytest.mark.parametrize("limit", ["tpm", "daily_tokens"])
def test_what_can_never_pass_is_told_so_and_not_to_come_again(
    limited: Any, services: Services, limit: str
) -> None:
    dan = limited(**{limit: COST - 1})

    reply = dan.submit()

    assert code_of(reply) == (422, "tokens_above_limit")
    assert "Retry-After" not in reply.headers
    assert limit in reply.json["detail"]
    assert used(services, dan) == (0, 0, 0, 0, 0)


def test_answers_tell_the_minutes_limits_and_what_is_left(limited: Any) -> None:
    dan = limited(rpm=2, tpm=10_000)

    headers = [dan.submit().headers for _ in range(3)]

    told = [[h[f"{name}-requests"] for name in RATE] for h in headers]
    assert [one[:2] for one in told] == [["2", "1"], ["2", "0"], ["2", "0"]]
    assert told[0][2] == "1m0s"
    assert told[2][2].startswith(("1m0s", "59"))
    tokens = [[h[f"{name}-tokens"] for name in RATE[:2]] for h in headers]
    assert tokens == [["10000", str(10_000 - n * COST)] for n in (1, 2, 2)]
    assert "Retry-After" in headers[2]
    assert "Retry-After" not in headers[0]


def test_every_way_to_be_answered_tells_the_limits(
    limited: Any, worker: FakeWorker
) -> None:
    dan = limited(rpm=10)
    streamed = {"Accept": "text/event-stream"}

    replies = [dan.submit(), waited(dan), dan.submit(headers=streamed)]

    assert [reply.status_code for reply in replies] == [202, 200, 200]
    assert read_events(replies[2].text)[-1].event == "end"
    left = [reply.headers["x-ratelimit-remaining-requests"] for reply in replies]
    assert left == ["9", "8", "7"]


def test_a_caller_without_limits_is_told_of_none_and_redis_of_nothing(
    ann: Api, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(type(services.reservations), "reserve", ask)
    monkeypatch.setattr(type(services.reservations), "settle", ask)

    reply = ann.submit()

    assert reply.status_code == 202
    assert not [name for name, _ in reply.headers if "ratelimit" in name]
    assert services.reads.require(reply.json["id"], None).limits_id is None


def test_a_job_knows_whose_limits_hold_its_reservation(
    limited: Any, services: Services
) -> None:
    dan = limited(rpm=5)

    job = services.reads.require(submit(dan), None)

    assert job.limits_id == services.keys.recognise(dan.key).key_id
    assert used(services, dan) == (1, COST, 0, COST, 1)


def test_a_caller_one_at_a_time_is_never_refused(
    limited: Any, worker: FakeWorker
) -> None:
    dan = limited(max_concurrency=1)

    replies = [waited(dan).status_code for _ in range(20)]

    assert set(replies) == {200}


def test_an_end_settles_what_was_reserved(
    limited: Any, services: Services, worker: FakeWorker
) -> None:
    dan = limited(tpm=100_000, daily_tokens=100_000, max_concurrency=1)

    usage = waited(dan).json["usage"]

    tokens = usage["prompt_tokens"] + usage["completion_tokens"]
    assert 3 < tokens < 10
    assert used(services, dan) == (1, tokens, tokens, 0, 0)


def test_a_cancelled_job_gives_back_its_place_and_its_tokens(
    limited: Any, services: Services
) -> None:
    dan = limited(max_concurrency=1, rpm=9)
    job_id = submit(dan)
    assert code_of(dan.submit()) == (429, "rate_limited")

    assert dan.post(f"/api/v1/jobs/{job_id}/cancel").status_code == 200

    assert used(services, dan) == (1, 0, 0, 0, 0)
    submit(dan)


# Nothing is left of what was not accepted.
@pytest.mark.parametrize("over", [{"model": 1}, {"model": "tiny-unknown"}])
def test_a_mistake_costs_nothing(
    limited: Any, services: Services, over: dict[str, Any]
) -> None:
    dan = limited(rpm=1)
    assert dan.submit(**over).status_code in {404, 422}

    assert used(services, dan) == (0, 0, 0, 0, 0)
    submit(dan)


def test_a_submission_that_fails_costs_nothing(
    limited: Any, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    dan = limited(rpm=1, max_concurrency=1)

    def away(*_: Any) -> None:
        raise DatabaseUnavailableError

    with monkeypatch.context() as outage:
        outage.setattr(JobInsert, "__call__", away)
        assert code_of(dan.submit()) == (503, "database_unavailable")

    assert used(services, dan) == (0, 0, 0, 0, 0)
    submit(dan)


def test_a_repeat_is_no_second_request_also_when_all_is_used_up(
    limited: Any, services: Services
) -> None:
    dan, once = limited(rpm=2, max_concurrency=2), {"Idempotency-Key": "once"}
    first = submit(dan, headers=once)
    assert submit(dan, headers=once) == first
    assert used(services, dan) == (1, COST, 0, COST, 1)
    submit(dan)

    assert submit(dan, headers=once) == first
    assert code_of(dan.submit()) == (429, "rate_limited")
    conflict = dan.submit(headers=once, priority="high")
    assert code_of(conflict) == (409, "idempotency_conflict")
    fresh = dan.submit(headers={"Idempotency-Key": "twice"})
    assert code_of(fresh) == (429, "rate_limited")
    assert used(services, dan) == (2, 2 * COST, 0, 2 * COST, 2)


def test_fifty_at_once_with_one_idempotency_key_are_one_request(
    limited: Any, services: Services
) -> None:
    dan, together = limited(rpm=100, max_concurrency=100), threading.Barrier(50)

    def send(_: int) -> Any:
        together.wait()
        return dan.submit(headers={"Idempotency-Key": "once"})

    with ThreadPoolExecutor(50) as pool:
        replies = list(pool.map(send, range(50)))

    assert {reply.status_code for reply in replies} == {202}
    assert len({reply.json["id"] for reply in replies}) == 1
    assert used(services, dan) == (1, COST, 0, COST, 1)


def test_limits_hold_as_they_are_now(
    limited: Any, admin: Api, services: Services
) -> None:
    dan = limited(rpm=1)
    key_id = services.keys.recognise(dan.key).key_id

    def change(**limits: int | None) -> None:
        reply = admin("PATCH", f"/api/v1/keys/{key_id}", json=limits)
        assert reply.status_code == 200

    submit(dan)
    change(rpm=2)
    submit(dan)
    change(rpm=None)
    submit(dan)
    change(max_concurrency=1)
    # What it holds from the time without limits is nothing; what from before is 2.
    assert code_of(dan.submit()) == (429, "rate_limited")
    change(max_concurrency=3)
    submit(dan)

    assert used(services, dan)[0] == 3


def test_a_disabled_key_is_told_so_and_holds_nothing(
    limited: Any, admin: Api, services: Services
) -> None:
    dan = limited(rpm=9)
    submit(dan)
    key_id = services.keys.recognise(dan.key).key_id
    admin.post(f"/api/v1/keys/{key_id}/disable")

    assert code_of(dan.submit()) == (401, "disabled_key")
    assert services.reservations.standing(KeyLimits(key_id)).requests == 1


def test_a_session_is_limited_as_its_key_is(limited: Any) -> None:
    dan = limited(rpm=2)
    opened = dan.with_key(None).post("/api/v1/sessions", json={"key": dan.key})
    session = dan.with_key(opened.json["token"])
    submit(dan)
    submit(session)

    for one in (dan, session):
        assert code_of(one.submit()) == (429, "rate_limited")


def test_a_replay_takes_nothing_of_its_keys_limits(
    limited: Any, admin: Api, services: Services, worker: FakeWorker
) -> None:
    dan = limited(rpm=1)
    failing = {"messages": [{"role": "user", "content": "fail"}]}
    job_id = waited(dan, request=failing).json["id"]

    reply = admin.post(f"/api/v1/jobs/{job_id}/replay")

    assert reply.status_code == 202
    again = services.reads.require(reply.json["id"], None)
    assert (again.replay_of, again.limits_id) == (job_id, None)


def test_refusals_are_counted_by_limit(limited: Any) -> None:
    dan, labels = limited(rpm=1), {"limit": "rpm"}

    def count() -> float:
        name = "corral_limited_requests_total"
        return REGISTRY.get_sample_value(name, labels) or 0.0

    before = count()
    submit(dan)
    # The first is refused as who it was, and then as who it is.
    for _ in range(3):
        dan.submit()

    assert count() == before + 3


# The queue's bounds
def test_a_key_whose_jobs_fill_their_part_of_the_queue_is_refused_alone(
    app: Flask, services: Services, ann: Api, bob: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = services.jobs._room
    monkeypatch.setattr(room, "_most_per_key", 3)
    for _ in range(3):
        submit(ann)
    submit(bob)
    monkeypatch.setattr(room, "_count_at", 0.0)

    refused = ann.submit()

    assert code_of(refused) == (429, "queue_full")
    assert refused.headers["X-Corral-Queue-Length"] == "4"
    assert refused.headers["Retry-After"] == "30"
    assert "3 of the 4 jobs" in refused.json["detail"]
    submit(bob)
    room._by_key = {}


def test_a_full_queue_refuses_whoever_comes_and_holds_nothing_of_theirs(
    limited: Any, admin: Api, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, dan = services.jobs._room, limited(rpm=5, max_concurrency=1)
    failed = submit(dan)
    services.jobs.stop(failed)
    services.database.read(
        lambda c: c.execute("UPDATE jobs SET state='failed' WHERE id=%s", (failed,))
    )
    monkeypatch.setattr(room, "_most", 1)
    submit(admin)
    monkeypatch.setattr(room, "_count_at", 0.0)

    refused, replayed = dan.submit(), admin.post(f"/api/v1/jobs/{failed}/replay")

    for reply in (refused, replayed):
        assert code_of(reply) == (429, "queue_full")
        assert reply.headers["X-Corral-Queue-Length"] == "1"
    assert used(services, dan) == (1, 0, 0, 0, 0)
    room._length = 0


def test_a_queue_is_counted_by_key(
    ann: Api, bob: Api, admin: Api, services: Services
) -> None:
    for api in (ann, ann, bob):
        submit(api)
    cancelled = submit(bob)
    bob.post(f"/api/v1/jobs/{cancelled}/cancel")
    key_id = services.keys.recognise(str(ann.key)).key_id

    assert services.query.queued_by_key(at_least=2) == {key_id: 2}
    assert services.reads.require(cancelled, None).state is State.CANCELLED
