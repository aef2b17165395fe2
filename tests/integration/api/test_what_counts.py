"""What counts against a key's limits, and what does not."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from prometheus_client import REGISTRY

from backend.api.container import Services
from backend.core.errors import DatabaseUnavailableError
from backend.core.jobs.repository.insert import JobInsert
from backend.core.limits.decision import Allowance
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import (
    COST,
    Api,
    MakeCaller,
    code_of,
    submit,
    used,
    waited,
)


@pytest.mark.parametrize("over", [{"model": 1}, {"model": "tiny-unknown"}])
def test_a_mistake_costs_nothing(
    limited: MakeCaller, services: Services, over: dict[str, Any]
) -> None:
    dan = limited(rpm=1)
    assert dan.submit(**over).status_code in {404, 422}

    assert used(services, dan) == (0, 0, 0, 0, 0)
    submit(dan)


def test_a_submission_that_fails_costs_nothing(
    limited: MakeCaller, services: Services, monkeypatch: pytest.MonkeyPatch
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
    limited: MakeCaller, services: Services
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
    limited: MakeCaller, services: Services
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
    limited: MakeCaller, admin: Api, services: Services
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
    limited: MakeCaller, admin: Api, services: Services
) -> None:
    dan = limited(rpm=9)
    submit(dan)
    key_id = services.keys.recognise(dan.key).key_id
    admin.post(f"/api/v1/keys/{key_id}/disable")

    assert code_of(dan.submit()) == (401, "disabled_key")
    assert services.reservations.standing(Allowance(key_id).subjects[0]).requests == 1


def test_a_session_is_limited_as_its_key_is(limited: MakeCaller) -> None:
    dan = limited(rpm=2)
    opened = dan.with_key(None).post("/api/v1/sessions", json={"key": dan.key})
    session = dan.with_key(opened.json["token"])
    submit(dan)
    submit(session)

    for one in (dan, session):
        assert code_of(one.submit()) == (429, "rate_limited")


def test_a_replay_takes_nothing_of_its_keys_limits(
    limited: MakeCaller, admin: Api, services: Services, worker: FakeWorker
) -> None:
    dan = limited(rpm=1)
    failing = {"messages": [{"role": "user", "content": "fail"}]}
    job_id = waited(dan, request=failing).json["id"]

    reply = admin.post(f"/api/v1/jobs/{job_id}/replay")

    assert reply.status_code == 202
    again = services.reads.require(reply.json["id"], None)
    assert (again.replay_of, again.limits_id) == (job_id, None)


def test_refusals_are_counted_by_limit(limited: MakeCaller) -> None:
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
