"""Who submitted before is known; whether that holds is looked up as its job commits."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from backend.api.container import Services
from backend.core.keys import Scope, hashed
from tests.integration.api.caller import Api, make_key, submit


def code_of(reply: Any) -> tuple[int, str]:
    return reply.status_code, reply.json["code"]


@pytest.fixture
def cat(app: Flask, services: Services) -> Api:
    """Give a caller who submitted before, so that the next time it is known."""
    cat = Api(app.test_client(), make_key(services, "cat"))
    submit(cat)
    return cat


@pytest.fixture
def change(services: Services, cat: Api) -> Callable[[str], None]:
    def change(what: str) -> None:
        by_hash = f"UPDATE api_keys SET {what} WHERE hash=%s"
        changed = services.database.read(
            lambda cursor: cursor.execute(by_hash, (hashed(str(cat.key)),))
        )
        assert changed == 1

    return change


def jobs(services: Services) -> int:
    return services.query.queued_count(1_000)


def test_whoever_is_known_is_not_asked_for_again(
    cat: Api, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def recognise(_: str) -> None:
        raise AssertionError

    monkeypatch.setattr(type(services.keys), "recognise", recognise)

    submit(cat)

    assert jobs(services) == 2


@pytest.mark.parametrize(
    "end",
    [
        ("disabled_at=UTC_TIMESTAMP(6)", "disabled_key"),
        ("expires_at=UTC_TIMESTAMP(6) - INTERVAL 1 SECOND", "expired_key"),
        ("hash=REVERSE(hash)", "invalid_key"),
    ],
)
@pytest.mark.parametrize("over", [{}, {"model": 1}, {"model": "tiny-unknown"}])
def test_a_key_that_ended_since_submits_nothing_and_is_told_so(
    cat: Api,
    services: Services,
    change: Callable[[str], None],
    end: tuple[str, str],
    over: dict[str, Any],
) -> None:
    what, code = end
    change(what)

    assert code_of(cat.submit(**over)) == (401, code)
    assert code_of(cat.submit(**over)) == (401, code)
    assert jobs(services) == 1


def test_a_session_that_was_closed_since_submits_nothing(
    ann: Api, services: Services
) -> None:
    opened = ann.with_key(None).post("/api/v1/sessions", json={"key": ann.key})
    assert opened.json is not None
    session = ann.with_key(opened.json["token"])
    submit(session)
    submit(session)
    services.keys.close_session(str(session.key))

    assert code_of(session.submit()) == (401, "session_ended")
    assert jobs(services) == 2


def test_what_a_key_may_do_is_what_it_may_now(
    cat: Api, services: Services, change: Callable[[str], None]
) -> None:
    change("scopes='[\"read\"]'")
    assert code_of(cat.submit()) == (403, "scope_missing")
    change("scopes='[\"inference\"]', allowed_models='[\"tiny-tools:latest\"]'")
    assert code_of(cat.submit()) == (403, "model_not_allowed")
    assert cat.submit(model="tiny-tools").status_code == 202
    change("allowed_models='null'")
    assert cat.submit().status_code == 202

    assert jobs(services) == 3


def test_a_disabled_key_hears_nothing_of_its_owners_jobs(
    cat: Api, change: Callable[[str], None]
) -> None:
    once = {"Idempotency-Key": "once"}
    submit(cat, headers=once)
    change("disabled_at=UTC_TIMESTAMP(6)")

    assert code_of(cat.submit(headers=once)) == (401, "disabled_key")


def test_one_disabled_key_fails_none_of_those_that_come_with_it(
    app: Flask, services: Services, cat: Api, change: Callable[[str], None]
) -> None:
    others = [
        Api(app.test_client(), make_key(services, f"user-{n}", Scope.INFERENCE))
        for n in range(8)
    ]
    for other in others:
        submit(other)
    change("disabled_at=UTC_TIMESTAMP(6)")

    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda api: api.submit(), [*others, cat] * 5))

    statuses = [reply.status_code for reply in replies]
    assert statuses == ([202] * 8 + [401]) * 5
    assert jobs(services) == 1 + 8 + 40


def test_a_known_callers_broken_body_is_told_as_it_is(cat: Api) -> None:
    headers = {"Content-Type": "application/json"}

    reply = cat.post("/api/v1/jobs", data=b'{"kind":"chat",', headers=headers)

    assert code_of(reply) == (400, "malformed_json")
    assert reply.json is not None
    assert "column 16" in reply.json["detail"]
