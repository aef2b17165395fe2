"""Wrong passwords are counted, by name and in all."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from backend.api.container import Services
from backend.core.db import transaction
from backend.core.models import Event
from tests.integration.api.caller import Api
from tests.integration.api.people import log_in, login_of, make_user
from tests.integration.api.test_access import code_of


@pytest.fixture
def nobody(app: Flask) -> Api:
    return Api(app.test_client(), None)


@pytest.fixture
def strict(services: Services, monkeypatch: pytest.MonkeyPatch) -> Services:
    """Give the services, where three wrong passwords are too many, or five in all."""
    limit = services.accounts.logins._limit
    monkeypatch.setattr(limit, "_most", (3, 5))
    return services


def wrong(nobody: Api, name: str, times: int = 1) -> list[TestResponse]:
    return [log_in(nobody, name, "wrong password") for _ in range(times)]


def excesses(services: Services) -> list[str]:
    statement = select(Event.subject).where(Event.kind == "login.limited")
    with transaction(services.database.sessions) as session:
        return list(session.execute(statement.order_by(Event.id)).scalars())


def test_too_many_wrong_passwords_of_a_name_have_to_wait(
    nobody: Api, strict: Services
) -> None:
    make_user(strict, "ada")
    make_user(strict, "bob")
    refused = wrong(nobody, "ada", 5)[3:]
    right = log_in(nobody, "ada")

    for reply in (*refused, right):
        assert code_of(reply) == (429, "too_many_logins")
        assert 0 < int(reply.headers["Retry-After"]) <= 300
    assert log_in(nobody, "bob").status_code == 201
    assert excesses(strict) == ["ada"]


def test_a_right_password_is_not_counted(nobody: Api, strict: Services) -> None:
    make_user(strict, "ada")

    assert [log_in(nobody, "ada").status_code for _ in range(6)] == [201] * 6
    assert [reply.status_code for reply in wrong(nobody, "ada", 4)] == [401] * 3 + [429]


def test_many_names_are_counted_together_and_told_by_no_name(
    nobody: Api, strict: Services
) -> None:
    make_user(strict, "ada")
    replies = [wrong(nobody, f"name{n}")[0] for n in range(7)]

    assert [reply.status_code for reply in replies] == [401] * 5 + [429] * 2
    assert log_in(nobody, "ada").status_code == 429
    assert excesses(strict) == ["all names"]


def test_what_was_typed_for_a_name_that_is_none_is_not_written_down(
    nobody: Api, strict: Services
) -> None:
    wrong(nobody, "my secret by mistake", 4)

    assert excesses(strict) == ["a name that is no user's"]


def test_many_at_once_are_not_more_than_one_after_the_other(
    nobody: Api, strict: Services
) -> None:
    make_user(strict, "ada")
    client = nobody.client.application.test_client
    apis = [Api(client(), None) for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(lambda api: wrong(api, "ada")[0].status_code, apis))

    assert sorted(replies) == [401] * 3 + [429] * 9


def test_the_window_ends(nobody: Api, strict: Services) -> None:
    make_user(strict, "ada")
    wrong(nobody, "ada", 4)
    for key in strict.redis.scan_iter("corral:login:*"):
        assert 0 < strict.redis.pttl(key) <= 300_000
        strict.redis.delete(key)

    assert log_in(nobody, "ada").status_code == 201


def test_an_old_password_is_not_guessed_by_changing_it(
    nobody: Api, strict: Services
) -> None:
    ada = login_of(strict, nobody, "ada")
    body = {"old": "a guess or two", "new": "quite another one"}
    replies = [ada.post("/api/v1/me/password", json=body) for _ in range(4)]

    assert [reply.status_code for reply in replies] == [422, 422, 422, 429]
