"""What a key's limits mean for who submits."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.api.container import Services
from backend.api.schemas.views.account import Me
from backend.core.errors import QueueUnavailableError
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
from tests.integration.api.sse import read_events

RATE = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


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
    limited: MakeCaller, limits: dict[str, int], code: str, status: int, after: range
) -> None:
    dan = limited(**limits)
    submit(dan)

    reply = dan.submit()

    assert code_of(reply) == (status, code)
    assert int(reply.headers["Retry-After"]) in after
    assert next(iter(limits)) in reply.json["detail"]


def test_a_day_that_is_used_up_is_told_apart(
    limited: MakeCaller, worker: FakeWorker
) -> None:
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
    limited: MakeCaller, services: Services, limit: str
) -> None:
    dan = limited(**{limit: COST - 1})

    reply = dan.submit()

    assert code_of(reply) == (422, "tokens_above_limit")
    assert "Retry-After" not in reply.headers
    assert limit in reply.json["detail"]
    assert used(services, dan) == (0, 0, 0, 0, 0)


def test_answers_tell_the_minutes_limits_and_what_is_left(limited: MakeCaller) -> None:
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
    limited: MakeCaller, worker: FakeWorker
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
    limited: MakeCaller, services: Services
) -> None:
    dan = limited(rpm=5)

    job = services.reads.require(submit(dan), None)

    assert job.limits_id == services.keys.recognise(dan.key).key_id
    assert used(services, dan) == (1, COST, 0, COST, 1)


def test_a_caller_one_at_a_time_is_never_refused(
    limited: MakeCaller, worker: FakeWorker
) -> None:
    dan = limited(max_concurrency=1)

    replies = [waited(dan).status_code for _ in range(20)]

    assert set(replies) == {200}


def test_an_end_settles_what_was_reserved(
    limited: MakeCaller, services: Services, worker: FakeWorker
) -> None:
    dan = limited(tpm=100_000, daily_tokens=100_000, max_concurrency=1)

    usage = waited(dan).json["usage"]

    tokens = usage["prompt_tokens"] + usage["completion_tokens"]
    assert 3 < tokens < 10
    assert used(services, dan) == (1, tokens, tokens, 0, 0)


def test_a_cancelled_job_gives_back_its_place_and_its_tokens(
    limited: MakeCaller, services: Services
) -> None:
    dan = limited(max_concurrency=1, rpm=9)
    job_id = submit(dan)
    assert code_of(dan.submit()) == (429, "rate_limited")

    assert dan.post(f"/api/v1/jobs/{job_id}/cancel").status_code == 200

    assert used(services, dan) == (1, 0, 0, 0, 0)
    submit(dan)


def test_without_redis_a_key_knows_its_limits_but_not_what_is_left(
    limited: MakeCaller, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    dan = limited(rpm=5)

    def away(*_: Any) -> None:
        raise QueueUnavailableError

    monkeypatch.setattr(type(services.reservations), "standing", away)

    shown = Me.model_validate(dan.get("/api/v1/me").json).key.limits

    assert shown.rpm is not None
    assert shown.rpm.limit == 5
    assert shown.rpm.used is shown.rpm.remaining is shown.rpm.reset_seconds is None
    assert shown.tpm is None
