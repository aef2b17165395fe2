"""A key never does more than its user's role allows."""

from typing import Any

import pytest
from flask import Flask

from backend.api.container import Services
from backend.core.accounts.change import UserChange
from backend.core.accounts.roles import Role
from backend.core.db import transaction
from backend.core.keys import Scope
from backend.core.models import ApiKey
from tests.integration.api.caller import Api, code_of, make_key, submit
from tests.integration.api.people import make_user

KEYS = "/api/v1/keys"


def excess(reply: Any) -> str:
    """Give the message of a refusal that names the scopes, and nothing else."""
    assert code_of(reply) == (422, "invalid_request")
    (error,) = reply.json["errors"]
    assert error["field"] == "scopes"
    return str(error["message"])


@pytest.mark.parametrize(
    ("role", "scopes"),
    [
        (Role.USER, ["admin"]),
        (Role.USER, ["read", "admin"]),
        (Role.VIEWER, ["inference"]),
        (Role.VIEWER, ["inference", "read"]),
    ],
)
def test_nobody_is_given_a_key_for_more_than_their_role(
    admin: Api, services: Services, role: Role, scopes: list[str]
) -> None:
    make_user(services, "ada", role=role)
    body = {"user": "ada", "name": "x"}
    refused = admin.post(KEYS, json=body | {"scopes": scopes})
    made = admin.post(KEYS, json=body | {"scopes": ["read"]})
    changed = admin("PATCH", f"{KEYS}/{made.json['id']}", json={"scopes": scopes})

    for reply in (refused, changed):
        assert excess(reply).startswith(f"ada is {role}, which allows")
    assert admin.get(f"{KEYS}/{made.json['id']}").json["scopes"] == ["read"]


def test_a_new_user_gets_the_role_that_its_first_key_needs(
    admin: Api, services: Services
) -> None:
    for name, scopes in (("ops", ["admin"]), ("dev", ["inference"]), ("tv", ["read"])):
        reply = admin.post(KEYS, json={"user": name, "name": "x", "scopes": scopes})
        assert reply.status_code == 201

    named = services.accounts.users.named
    roles = [named(name).role for name in ("ops", "dev", "tv")]
    assert roles == ["admin", "user", "user"]


def test_a_lowered_role_counts_for_a_caller_who_is_known(
    app: Flask, admin: Api, services: Services
) -> None:
    ops = Api(app.test_client(), make_key(services, "ops", Scope.ADMIN))
    submit(ops)
    users = services.accounts.users
    user = users.named("ops")

    users.change(user.id, UserChange(Role.VIEWER), actor="test")

    assert code_of(ops.submit()) == (403, "scope_missing")
    assert code_of(ops.get(KEYS)) == (403, "scope_missing")
    assert ops.get("/api/v1/me").json["key"]["scopes"] == ["read"]


def test_a_row_that_says_more_than_the_role_is_not_believed(
    app: Flask, services: Services
) -> None:
    ada = Api(app.test_client(), make_key(services, "ada"))
    with transaction(services.database.sessions) as session:
        session.query(ApiKey).one().scopes = ["admin"]

    assert code_of(ada.get(KEYS)) == (403, "scope_missing")
    pull = {"kind": "pull", "model": "new:1b"}
    assert code_of(ada.post("/api/v1/jobs", json=pull)) == (403, "scope_missing")
    submit(ada)
