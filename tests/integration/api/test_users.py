"""Users, as administrators keep them."""

from typing import Any

import orjson
import pytest
from sqlalchemy import select

from backend.api.container import Services
from backend.api.schemas.views.users import AccountList, AccountView
from backend.core.accounts.roles import Role
from backend.core.db import transaction
from backend.core.keys import Scope
from backend.core.models import Event
from tests.integration.api.caller import Api, make_key
from tests.integration.api.people import PASSWORD, log_in, login_of, make_user, path
from tests.integration.api.test_access import code_of

NEW = "a new one for her"


def user_of(reply: Any) -> AccountView:
    shown = {name: reply.json[name] for name in AccountView.model_fields}
    return AccountView.model_validate(shown)


def test_a_user_is_made_shown_and_listed_without_a_word_of_its_password(
    root: Api, services: Services
) -> None:
    services.keys.ensure_user("system")
    body = {"name": "ada@example.org", "role": "viewer", "password": PASSWORD}
    made = root.post("/api/v1/users", json=body)
    user = user_of(made)
    listed = root.get("/api/v1/users")

    assert made.status_code == 201
    assert (user.name, user.role, user.has_password) == (body["name"], "viewer", True)
    assert user_of(root.get(path(user))) == user
    names = [one.name for one in AccountList.model_validate(listed.json).data]
    assert names == ["root", "ada@example.org"]
    assert "argon2" not in made.text + listed.text
    assert log_in(root, "ada@example.org").status_code == 201


def test_a_user_without_a_password_has_no_login(root: Api) -> None:
    made = root.post("/api/v1/users", json={"name": "robot"})

    assert not user_of(made).has_password
    assert code_of(log_in(root, "robot", "anything at all")) == (401, "wrong_password")


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "two words"}, "name"),
        ({"name": "a" * 65}, "name"),
        ({"role": "root"}, "role"),
        ({"password": "1234567"}, "password"),
        ({"password": "x" * 129}, "password"),
        ({"name": "longname", "password": "LongName"}, "password"),
        ({"password": "ﬃ" * 64}, "password"),
        ({"email": "x"}, "email"),
    ],
)
def test_a_wrong_field_of_a_user_is_named_and_nobody_is_made(
    root: Api, over: dict[str, Any], field: str
) -> None:
    body = {"name": "ada", "password": PASSWORD} | over
    reply = root.post("/api/v1/users", json=body)

    assert code_of(reply) == (422, "invalid_request")
    assert reply.json is not None
    assert [error["field"] for error in reply.json["errors"]] == [field]
    assert len(root.get("/api/v1/users").json["data"]) == 1


def test_a_name_is_taken_once(root: Api, services: Services) -> None:
    services.keys.ensure_user("system")
    make_user(services, "ada")

    for name in ("ada", "system"):
        reply = root.post("/api/v1/users", json={"name": name, "password": PASSWORD})
        assert code_of(reply) == (409, "user_exists")


@pytest.mark.parametrize("number", ["999", str(2**63), str(2**70)])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_there_is_no_such_user(root: Api, method: str, number: str) -> None:
    reply = root(method, f"/api/v1/users/{number}", json={})

    assert code_of(reply) == (404, "user_not_found")


def test_the_platform_itself_is_no_user_to_change(
    root: Api, services: Services
) -> None:
    number = services.keys.ensure_user("system")

    for method in ("GET", "PATCH", "DELETE"):
        reply = root(method, f"/api/v1/users/{number}", json={"password": PASSWORD})
        assert code_of(reply) == (404, "user_not_found")


def test_a_disabled_user_is_out_at_once_and_logs_in_anew_when_enabled(
    root: Api, services: Services
) -> None:
    ada = login_of(services, root, "ada")
    key = ada.with_key(make_key(services, "ada"))
    user = services.accounts.users.named("ada")

    off = user_of(root("PATCH", path(user), json={"disabled": True}))
    for api in (ada, key):
        assert code_of(api.get("/api/v1/me")) == (401, "disabled_user")
        assert code_of(api.submit()) == (401, "disabled_user")
    again = user_of(root("PATCH", path(user), json={"disabled": True}))
    on = user_of(root("PATCH", path(user), json={"disabled": False}))

    assert off.disabled_at == again.disabled_at is not None
    assert on.disabled_at is None
    assert key.get("/api/v1/me").status_code == 200
    assert code_of(ada.get("/api/v1/me")) == (401, "session_ended")
    assert log_in(root, "ada").status_code == 201


def test_another_password_ends_the_users_sessions(
    root: Api, services: Services
) -> None:
    ada = login_of(services, root, "ada")
    by_key = root.with_key(None).post(
        "/api/v1/sessions", json={"key": make_key(services, "ada")}
    )
    user = services.accounts.users.named("ada")
    root("PATCH", path(user), json={"password": NEW})

    assert code_of(ada.get("/api/v1/me")) == (401, "session_ended")
    assert by_key.json is not None
    session = ada.with_key(by_key.json["token"])
    assert code_of(session.get("/api/v1/me")) == (401, "session_ended")
    assert code_of(log_in(root, "ada")) == (401, "wrong_password")
    assert log_in(root, "ada", NEW).status_code == 201
    assert root.get("/api/v1/me").status_code == 200


def test_who_only_had_keys_may_be_given_a_password(
    root: Api, ann: Api, services: Services
) -> None:
    user = services.accounts.users.named("ann")
    changed = user_of(root("PATCH", path(user), json={"password": PASSWORD}))

    assert changed.has_password
    assert log_in(root, "ann").status_code == 201
    assert ann.get("/api/v1/me").status_code == 200


def test_a_role_counts_at_once_for_logins_and_keys(
    root: Api, services: Services
) -> None:
    ada = login_of(services, root, "ada", role=Role.ADMIN)
    admin_key = ada.with_key(make_key(services, "ada", Scope.ADMIN))
    inference = ada.with_key(make_key(services, "ada", Scope.INFERENCE))
    user = services.accounts.users.named("ada")
    assert ada.get("/api/v1/users").status_code == 200

    root("PATCH", path(user), json={"role": "user"})
    for api in (ada, admin_key):
        assert code_of(api.get("/api/v1/users")) == (403, "scope_missing")
        assert api.submit().status_code == 202
    root("PATCH", path(user), json={"role": "viewer"})
    for api in (ada, admin_key):
        assert code_of(api.submit()) == (403, "scope_missing")
        assert api.get("/api/v1/jobs").status_code == 200
    assert code_of(inference.get("/api/v1/me")) == (401, "disabled_key")
    root("PATCH", path(user), json={"role": "admin"})

    assert ada.get("/api/v1/users").status_code == 200
    assert code_of(admin_key.get("/api/v1/users")) == (403, "scope_missing")


def test_a_change_counts_as_a_whole_or_not_at_all(
    root: Api, services: Services
) -> None:
    ada = make_user(services, "ada")
    reply = root("PATCH", path(ada), json={"role": "viewer", "password": "short"})

    assert code_of(reply) == (422, "invalid_request")
    assert user_of(root.get(path(ada))).role == "user"
    assert user_of(root("PATCH", path(ada), json={})).role == "user"


def test_who_owns_nothing_is_deleted_with_its_logins(
    root: Api, services: Services
) -> None:
    ada = login_of(services, root, "ada")
    user = services.accounts.users.named("ada")

    assert root("DELETE", path(user)).status_code == 204
    assert code_of(ada.get("/api/v1/me")) == (401, "session_ended")
    assert code_of(root.get(path(user))) == (404, "user_not_found")
    assert code_of(log_in(root, "ada")) == (401, "wrong_password")


@pytest.mark.parametrize("what", ["a job", "a key", "a disabled key"])
def test_who_owns_something_is_disabled_instead(
    root: Api, services: Services, what: str
) -> None:
    ada = login_of(services, root, "ada")
    if what == "a job":
        ada.submit()
    else:
        secret = make_key(services, "ada")
        if "disabled" in what:
            prefix = services.keys.recognise(secret).key_prefix
            services.key_registry.disable(prefix, actor="root")
    user = services.accounts.users.named("ada")
    reply = root("DELETE", path(user))

    assert code_of(reply) == (409, "user_in_use")
    assert reply.json is not None
    assert "only be disabled" in reply.json["detail"]
    assert ada.get("/api/v1/me").status_code == 200


def test_what_is_done_to_users_is_written_down_without_their_passwords(
    root: Api, services: Services
) -> None:
    made = root.post("/api/v1/users", json={"name": "ada", "password": PASSWORD})
    ada = user_of(made)
    changes: tuple[dict[str, Any], ...] = (
        {"role": "viewer", "password": NEW},
        {"disabled": True},
        {"disabled": True, "role": "viewer"},
        {},
    )
    for change in changes:
        root("PATCH", path(ada), json=change)
    root("DELETE", path(ada))

    statement = select(Event).where(Event.subject == "ada").order_by(Event.id)
    with transaction(services.database.sessions) as session:
        events = session.execute(statement).scalars().all()
    told = [(e.kind, e.actor, orjson.loads(e.data or "null")) for e in events]
    assert told == [
        ("user.created", "root", {"role": "user"}),
        ("user.changed", "root", {"role": ["user", "viewer"], "new_password": True}),
        ("user.changed", "root", {"disabled": True}),
        ("user.deleted", "root", None),
    ]
