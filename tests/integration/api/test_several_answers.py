"""Several answers of one request: all of them are accepted, or none is charged."""

from typing import Any

import pytest

from backend.api.container import Services
from backend.core.errors import DatabaseUnavailableError
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import COST, Api, MakeCaller, used

PATH = "/v1/chat/completions"
NOTHING = (0, 0, 0, 0, 0)


def chat(n: int, **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": "one two three"}]
    return {"model": "tiny-chat", "messages": messages, "n": n} | more


def error_of(reply: Any) -> tuple[int, str]:
    return reply.status_code, reply.json["error"]["code"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "limits",
    [
        {"rpm": 4},
        {"max_concurrency": 4},
        {"tpm": 4 * COST + 100},
        {"daily_tokens": 4 * COST + 100},
    ],
)
def test_a_limit_that_is_met_in_the_middle_leaves_all_as_it_was(
    limited: MakeCaller, services: Services, limits: dict[str, int], *, stream: bool
) -> None:
    dan = limited(**limits)
    for _ in range(2):
        dan.submit()
    before = used(services, dan)

    reply = dan.post(PATH, json=chat(3, stream=stream))

    assert error_of(reply) in {
        (429, "rate_limit_exceeded"),
        (429, "insufficient_quota"),
    }
    assert next(iter(limits)) in reply.json["error"]["message"]
    assert int(reply.headers["Retry-After"]) > 0
    assert used(services, dan) == before
    assert services.query.queued_count(9) == 2


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"rpm": 2}, "requests_above_limit"),
        ({"max_concurrency": 2}, "requests_above_limit"),
        ({"tpm": 2 * COST}, "tokens_above_limit"),
        ({"daily_tokens": 2 * COST}, "tokens_above_limit"),
    ],
)
def test_more_than_a_key_may_ever_have_is_not_to_be_asked_again(
    limited: MakeCaller, services: Services, limits: dict[str, int], code: str
) -> None:
    dan = limited(**limits)

    reply = dan.post(PATH, json=chat(3))

    assert error_of(reply) == (400, code)
    assert reply.headers["x-should-retry"] == "false"
    assert used(services, dan) == NOTHING


def test_all_of_them_are_charged_and_settled(
    limited: MakeCaller, services: Services, worker: FakeWorker
) -> None:
    dan = limited(rpm=3, tpm=3 * COST, daily_tokens=3 * COST, max_concurrency=3)

    reply = dan.post(PATH, json=chat(3))

    assert reply.status_code == 200
    assert reply.headers["x-ratelimit-remaining-requests"] == "0"
    tokens = reply.json["usage"]["total_tokens"]
    assert used(services, dan) == (3, tokens, tokens, 0, 0)


def test_a_repeat_is_charged_with_nothing(
    limited: MakeCaller, services: Services, worker: FakeWorker
) -> None:
    dan = limited(rpm=3)
    first, again = (
        dan.post(PATH, json=chat(3), headers={"Idempotency-Key": "three"})
        for _ in range(2)
    )

    assert first.json == again.json
    assert used(services, dan)[0] == 3


def test_what_the_database_does_not_take_holds_nothing(
    limited: MakeCaller, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    dan = limited(rpm=5, tpm=100_000)

    def away(*_: Any) -> None:
        raise DatabaseUnavailableError

    monkeypatch.setattr(services.jobs, "_commit", away)

    assert error_of(dan.post(PATH, json=chat(3))) == (503, "database_unavailable")
    assert used(services, dan) == NOTHING


def test_what_began_is_stopped_where_a_repeat_has_no_answer(
    ann: Api, services: Services, worker: FakeWorker
) -> None:
    asked, headers = chat(2), {"Idempotency-Key": "two"}
    first = ann.post(PATH, json=asked, headers=headers)
    services.retention.drop_payload(first.headers["X-Corral-Job-Id"])

    reply = ann.post(PATH, json=asked, headers=headers)

    assert error_of(reply) == (410, "payload_expired")
    assert len(worker.answered) == 2
