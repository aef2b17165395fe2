"""Keys that users make for themselves."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from backend.api.container import Services
from backend.api.schemas.views.account import Me
from backend.api.schemas.views.own_keys import NewOwnKeyView, OwnKeyList
from backend.core.accounts import own_keys
from backend.core.accounts.roles import Role
from backend.core.db import transaction
from backend.core.jobs.states import Priority
from backend.core.keys import Scope
from backend.core.models import ApiKey, Event
from tests.integration.api.caller import Api, make_key
from tests.integration.api.people import login_of
from tests.integration.api.test_access import code_of

KEYS = "/api/v1/me/keys"
LATER = datetime.now(UTC) + timedelta(days=30)


@pytest.fixture
def ada(app: Flask, services: Services) -> Api:
    return login_of(services, Api(app.test_client(), None), "ada")


def make(api: Api, **wish: Any) -> NewOwnKeyView:
    reply = api.post(KEYS, json={"name": "script"} | wish)
    assert reply.status_code == 201, reply.text
    assert reply.headers["Cache-Control"] == "no-store"
    return NewOwnKeyView.model_validate(reply.json)


def listed(api: Api) -> list[str]:
    reply = api.get(KEYS)
    return [key.name for key in OwnKeyList.model_validate(reply.json).data]


def test_a_user_makes_lists_and_disables_a_key(ada: Api) -> None:
    made = make(ada)
    script = ada.with_key(made.key)
    me = Me.model_validate(script.get("/api/v1/me").json)

    assert (me.user.name, me.key.name) == ("ada", "script")
    assert made.scopes == ["inference", "read"]
    assert script.submit().status_code == 202
    assert listed(ada) == ["script"]
    assert made.key not in ada.get(KEYS).text
    assert ada("DELETE", f"{KEYS}/{made.id}").status_code == 204
    assert code_of(script.get("/api/v1/me")) == (401, "disabled_key")
    assert code_of(ada("DELETE", f"{KEYS}/{made.id}")) == (404, "not_found")


def test_keys_and_logins_of_others_are_not_there(
    ada: Api, bob: Api, services: Services
) -> None:
    bobs = make(bob)
    with transaction(services.database.sessions) as session:
        login = session.execute(select(ApiKey.id).where(ApiKey.is_login)).scalar_one()

    assert listed(ada) == []
    assert listed(bob) == ["test", "script"]
    for number in (bobs.id, login, 2**63):
        reply = ada("DELETE", f"{KEYS}/{number}")
        assert code_of(reply) == (404, "not_found")
    assert bob.with_key(bobs.key).get("/api/v1/me").status_code == 200


def test_a_key_takes_over_what_limits_the_key_it_is_made_with(
    app: Flask, services: Services
) -> None:
    secret = make_key(
        services,
        "ada",
        weight=0.5,
        highest_priority=Priority.NORMAL,
        allowed_models=["tiny-chat:latest"],
        expires_at=LATER,
    )
    ada = Api(app.test_client(), secret)
    parent = Me.model_validate(ada.get("/api/v1/me").json).key
    with transaction(services.database.sessions) as session:
        row = session.get_one(ApiKey, parent.id)
        row.rpm, row.tpm, row.daily_tokens, row.max_concurrency = 60, 1_000, 5_000, 2

    child = make(ada)
    grandchild = make(ada.with_key(child.key), name="more")
    with transaction(services.database.sessions) as session:
        rows = [session.get_one(ApiKey, key.id) for key in (child, grandchild)]
    for key, row in zip((child, grandchild), rows, strict=True):
        assert (key.weight, key.highest_priority) == (0.5, "normal")
        assert key.allowed_models == ["tiny-chat:latest"]
        assert key.expires_at == parent.expires_at
        limits = (key.rpm, key.tpm, key.daily_tokens, key.max_concurrency)
        assert limits == (60, 1_000, 5_000, 2)
        assert row.lineage_id == parent.id


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"scopes": ["admin"]}, "scopes"),
        ({"scopes": ["read", "inference"]}, "scopes"),
        ({"allowed_models": ["tiny-chat", "tiny-tools"]}, "allowed_models"),
        ({"highest_priority": "high"}, "highest_priority"),
        ({"expires_at": (LATER + timedelta(days=1)).isoformat()}, "expires_at"),
        ({"scopes": []}, "scopes"),
        ({"name": ""}, "name"),
        ({"rpm": 1_000_000}, "rpm"),
        ({"weight": 100}, "weight"),
    ],
)
def test_a_key_is_never_for_more_than_the_key_it_is_made_with(
    app: Flask, services: Services, wish: dict[str, Any], field: str
) -> None:
    secret = make_key(
        services,
        "ada",
        Scope.READ,
        highest_priority=Priority.NORMAL,
        allowed_models=["tiny-chat:latest"],
        expires_at=LATER,
    )
    ada = Api(app.test_client(), secret)
    reply = ada.post(KEYS, json={"name": "script"} | wish)

    assert code_of(reply) == (422, "invalid_request")
    assert reply.json is not None
    assert [error["field"] for error in reply.json["errors"]] == [field]
    assert listed(ada) == ["test"]


def test_a_key_may_be_for_less(ada: Api) -> None:
    made = make(
        ada,
        scopes=["read"],
        allowed_models=["Tiny-Chat"],
        highest_priority="low",
        expires_at=LATER.isoformat(),
    )

    assert (made.scopes, made.highest_priority) == (["read"], "low")
    assert made.allowed_models == ["tiny-chat:latest"]
    assert made.expires_at == LATER
    assert code_of(ada.with_key(made.key).submit()) == (403, "scope_missing")


def test_a_key_is_never_for_more_than_its_owners_role(
    ada: Api, services: Services
) -> None:
    with transaction(services.database.sessions) as session:
        login = session.execute(select(ApiKey).where(ApiKey.is_login)).scalar_one()
        login.scopes = [*map(str, Scope)]

    assert make(ada).scopes == ["inference", "read"]
    reply = ada.post(KEYS, json={"name": "x", "scopes": ["admin"]})
    assert code_of(reply) == (422, "invalid_request")


def test_an_administrators_key_may_be_for_everything(
    app: Flask, services: Services
) -> None:
    root = login_of(services, Api(app.test_client(), None), "root", role=Role.ADMIN)
    made = make(root)

    assert made.scopes == ["inference", "read", "admin"]
    assert root.with_key(made.key).get("/api/v1/users").status_code == 200


def test_nobody_makes_keys_without_end(
    ada: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_keys, "_MOST", 2)
    first, _ = make(ada), make(ada)

    assert code_of(ada.post(KEYS, json={"name": "x"})) == (409, "too_many_keys")
    ada("DELETE", f"{KEYS}/{first.id}")
    assert make(ada).name == "script"


def test_who_made_and_disabled_a_key_is_written_down(
    ada: Api, services: Services
) -> None:
    made = make(ada)
    ada("DELETE", f"{KEYS}/{made.id}")

    statement = select(Event).where(Event.subject == made.prefix).order_by(Event.id)
    with transaction(services.database.sessions) as session:
        events = session.execute(statement).scalars().all()
    assert [(e.kind, e.actor) for e in events] == [
        ("key.created", "ada"),
        ("key.disabled", "ada"),
    ]
