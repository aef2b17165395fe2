"""Logging in by name and password."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from backend.api.container import Services
from backend.api.schemas.views.account import Me, SessionView
from backend.core.accounts.passwords import Passwords
from backend.core.accounts.roles import Role
from backend.core.db import transaction
from backend.core.models import ApiKey, Event, Session, User
from tests.integration.api.caller import Api, make_key
from tests.integration.api.people import PASSWORD, log_in, login_of, make_user
from tests.integration.api.test_access import code_of


@pytest.fixture
def nobody(app: Flask) -> Api:
    return Api(app.test_client(), None)


@pytest.mark.parametrize(
    ("role", "scopes"),
    [
        (Role.ADMIN, ["inference", "read", "admin"]),
        (Role.USER, ["inference", "read"]),
        (Role.VIEWER, ["read"]),
    ],
)
def test_a_password_opens_a_session_with_the_scopes_of_the_role(
    nobody: Api, services: Services, role: Role, scopes: list[str]
) -> None:
    make_user(services, "ada", role=role)
    reply = log_in(nobody, "ada")
    opened = SessionView.model_validate(reply.json)
    me = Me.model_validate(nobody.with_key(opened.token).get("/api/v1/me").json)

    assert reply.status_code == 201
    assert reply.headers["Cache-Control"] == "no-store"
    assert (opened.user.name, opened.user.role) == ("ada", role)
    left = opened.expires_at - datetime.now(UTC)
    assert timedelta(hours=11, minutes=59) < left < timedelta(hours=12, minutes=1)
    assert (me.user.role, me.key.scopes, me.key.is_login) == (role, scopes, True)


def test_who_is_logged_in_may_submit_and_read_and_log_out(
    nobody: Api, services: Services
) -> None:
    ada = login_of(services, nobody, "ada")
    job_id = ada.submit().json["id"]

    assert ada.get(f"/api/v1/jobs/{job_id}").status_code == 200
    assert ada("DELETE", "/api/v1/sessions").status_code == 204
    assert code_of(ada.get("/api/v1/me")) == (401, "session_ended")


def test_a_viewer_submits_nothing(nobody: Api, services: Services) -> None:
    viewer = login_of(services, nobody, "vic", role=Role.VIEWER)

    assert code_of(viewer.submit()) == (403, "scope_missing")
    assert viewer.get("/api/v1/jobs").status_code == 200


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ada", "not her password"),
        ("nobody", PASSWORD),
        ("ADA", PASSWORD),
        ("ada ", PASSWORD),
        ("key-only", PASSWORD),
        ("system", PASSWORD),
        ("\u2028é", PASSWORD),
    ],
)
def test_a_wrong_password_and_an_unknown_name_have_one_answer(
    nobody: Api, services: Services, name: str, password: str
) -> None:
    make_user(services, "ada")
    make_key(services, "key-only")
    services.keys.ensure_user("system")
    reply = log_in(nobody, name, password)

    assert code_of(reply) == (401, "wrong_password")
    assert reply.json is not None
    assert reply.json["detail"] == "There is no such user, or the password is wrong."


def test_an_unknown_name_costs_as_much_as_a_known_one(
    nobody: Api, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_user(services, "ada")
    verified: list[str] = []
    verify = Passwords._verify

    def counted(self: Passwords, kept: str, password: str) -> bool:
        verified.append(kept)
        return verify(self, kept, password)

    monkeypatch.setattr(Passwords, "_verify", counted)
    for name in ("ada", "nobody"):
        log_in(nobody, name, "not the password")

    hers, nobodys = (kept.split("$") for kept in verified)
    assert hers[1:4] == nobodys[1:4]
    assert [*map(len, hers)] == [*map(len, nobodys)]


def test_a_disabled_user_is_told_so_only_with_the_right_password(
    nobody: Api, services: Services, admin: Api
) -> None:
    ada = make_user(services, "ada")
    admin("PATCH", f"/api/v1/users/{ada.id}", json={"disabled": True})

    assert code_of(log_in(nobody, "ada")) == (401, "disabled_user")
    assert code_of(log_in(nobody, "ada", "wrong")) == (401, "wrong_password")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"key": "corral-x", "user": "ada", "password": PASSWORD}, "body"),
        ([], "body"),
        ({"user": "ada"}, "password"),
        ({"password": PASSWORD}, "user"),
        ({"user": "ada", "password": 12345678}, "password"),
        ({"user": "a" * 65, "password": PASSWORD}, "user"),
        ({"key": ""}, "key"),
        ({"key": "corral-x", "more": 1}, "more"),
    ],
)
def test_exactly_one_form_of_login_is_taken(nobody: Api, body: Any, field: str) -> None:
    reply = nobody.post("/api/v1/sessions", json=body)

    assert code_of(reply) == (422, "invalid_request")
    assert reply.json is not None
    assert [error["field"] for error in reply.json["errors"]] == [field]


def test_a_session_by_key_says_who_it_is_and_is_no_login(ann: Api) -> None:
    reply = ann.with_key(None).post("/api/v1/sessions", json={"key": ann.key})
    opened = SessionView.model_validate(reply.json)
    me = Me.model_validate(ann.with_key(opened.token).get("/api/v1/me").json)

    assert (opened.user.name, opened.user.role) == ("ann", "user")
    assert not me.key.is_login


def test_logins_share_one_hidden_key_that_nobody_can_disable(
    nobody: Api, services: Services, admin: Api
) -> None:
    make_user(services, "ada")
    with ThreadPoolExecutor(4) as pool:
        client = nobody.client.application.test_client
        apis = [Api(client(), None) for _ in range(4)]
        opened = list(pool.map(lambda api: log_in(api, "ada"), apis))
    with transaction(services.database.sessions) as session:
        (key,) = session.execute(select(ApiKey).where(ApiKey.is_login)).scalars()
    listed = admin.get("/api/v1/keys").json

    assert [reply.status_code for reply in opened] == [201] * 4
    assert listed is not None
    assert key.id not in [one["id"] for one in listed["data"]]
    assert code_of(admin("DELETE", f"/api/v1/keys/{key.id}")) == (404, "key_not_found")
    assert opened[0].json is not None
    assert nobody.with_key(opened[0].json["token"]).get("/api/v1/me").status_code == 200


def test_a_hash_of_other_parameters_is_made_anew_at_login(
    nobody: Api, services: Services
) -> None:
    make_user(services, "ada")
    old = Passwords().hash(PASSWORD)
    with transaction(services.database.sessions) as session:
        session.query(User).filter_by(name="ada").one().password_hash = old

    assert [log_in(nobody, "ada").status_code for _ in range(2)] == [201, 201]
    with transaction(services.database.sessions) as session:
        new = session.query(User).filter_by(name="ada").one().password_hash
    assert new is not None
    assert old.split("$")[3] != new.split("$")[3]


def test_a_password_is_in_no_row_and_no_answer(nobody: Api, services: Services) -> None:
    login_of(services, nobody, "ada")
    with transaction(services.database.sessions) as session:
        (kept,) = session.execute(select(User.password_hash)).scalars()
        rows = session.execute(select(Session.token_hash)).scalars().all()
        events = session.execute(select(Event.data)).scalars().all()

    assert kept is not None
    assert kept.startswith("$argon2id$")
    assert PASSWORD not in kept
    assert PASSWORD not in str([*rows, *events])
