"""Who may call: keys, sessions, scopes."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from backend.api import TABLE
from backend.api.auth import ANYBODY
from backend.api.container import Services
from backend.api.schemas.views.account import Me, SessionView
from backend.api.schemas.views.keys import KeyList, NewKeyView
from backend.core.keys import Scope
from tests.integration.api.caller import Api, make_key


def code_of(reply: Any) -> tuple[int, str]:
    return reply.status_code, reply.json["code"]


def test_every_blueprint_says_who_may_call_it(app: Flask) -> None:
    names = {blueprint.name for blueprint, _ in TABLE}

    assert set(app.blueprints) == names


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer corral-unknown"}])
def test_every_address_but_the_public_ones_asks_for_a_good_key(
    app: Flask, headers: dict[str, str]
) -> None:
    public = {blueprint.name for blueprint, access in TABLE if access == ANYBODY}
    open_rules = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint.split(".")[0] in public:
            continue
        path = re.sub(r"<[^>]*>", "1", rule.rule)
        for method in (rule.methods or set()) & {"GET", "POST", "PATCH", "DELETE"}:
            reply = app.test_client().open(path, method=method, headers=headers)
            if reply.status_code != 401:
                open_rules.append((method, rule.rule, reply.status_code))

    assert open_rules == []
    assert public == {"health", "metrics", "documents", "login", "ollama_root"}


def test_without_a_key_the_answer_says_how_to_send_one(ann: Api) -> None:
    reply = ann.with_key(None).get("/api/v1/me")

    assert code_of(reply) == (401, "missing_key")
    assert reply.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("sent", ["Basic abc", "Bearer", "Bearer ", "corral-x"])
def test_another_way_to_send_a_key_is_none(ann: Api, sent: str) -> None:
    reply = ann.get("/api/v1/me", headers={"Authorization": sent})

    assert code_of(reply) == (401, "missing_key")


def test_a_key_is_taken_as_bearer_in_any_case_and_as_x_api_key(ann: Api) -> None:
    bearer = {"Authorization": f"bearer {ann.key}"}
    header = {"X-API-Key": str(ann.key)}
    nobody = ann.with_key(None)

    assert nobody.get("/api/v1/me", headers=bearer).status_code == 200
    assert nobody.get("/api/v1/me", headers=header).status_code == 200


@pytest.mark.parametrize("key", ["corral-unknown", "sess", "é\u2028"])
def test_an_unknown_key_is_401(ann: Api, key: str) -> None:
    sent = {"X-API-Key": key.encode("utf-8").decode("latin-1")}

    reply = ann.with_key(None).get("/api/v1/me", headers=sent)

    assert code_of(reply) == (401, "invalid_key")


def test_an_expired_key_stops_at_once(app: Flask, services: Services) -> None:
    soon = datetime.now(UTC) - timedelta(seconds=1)
    key = make_key(services, "old", expires_at=soon)

    reply = Api(app.test_client(), key).get("/api/v1/me")

    assert code_of(reply) == (401, "expired_key")


def test_a_disabled_key_stops_at_once_and_its_sessions_with_it(
    ann: Api, admin: Api
) -> None:
    me = Me.model_validate(ann.get("/api/v1/me").json)
    opened = ann.with_key(None).post("/api/v1/sessions", json={"key": ann.key})
    session = ann.with_key(SessionView.model_validate(opened.json).token)
    assert session.get("/api/v1/me").status_code == 200

    assert admin.post(f"/api/v1/keys/{me.key.id}/disable").status_code == 200

    assert code_of(ann.get("/api/v1/me")) == (401, "disabled_key")
    assert code_of(session.get("/api/v1/me")) == (401, "disabled_key")


def test_a_session_is_as_good_as_its_key_until_it_is_closed(ann: Api) -> None:
    opened = ann.with_key(None).post("/api/v1/sessions", json={"key": ann.key})
    session = ann.with_key(SessionView.model_validate(opened.json).token)

    assert opened.status_code == 201
    assert session.submit().status_code == 202
    assert session("DELETE", "/api/v1/sessions").status_code == 204
    ended = session.get("/api/v1/me")
    assert code_of(ended) == (401, "session_ended")
    assert ended.json is not None
    assert ended.json["detail"] == "The session has ended; log in again."


def test_an_unknown_token_is_told_of_sessions_not_of_keys(ann: Api) -> None:
    reply = ann.with_key("session-unknown").get("/api/v1/me")

    assert code_of(reply) == (401, "session_ended")
    assert reply.json is not None
    assert "No session has this token" in reply.json["detail"]


def test_a_session_lasts_twelve_hours(ann: Api) -> None:
    opened = ann.with_key(None).post("/api/v1/sessions", json={"key": ann.key})

    left = SessionView.model_validate(opened.json).expires_at - datetime.now(UTC)
    assert timedelta(hours=11, minutes=59) < left < timedelta(hours=12, minutes=1)


def test_a_session_is_opened_by_a_good_key_only(ann: Api) -> None:
    nobody = ann.with_key(None)

    wrong = nobody.post("/api/v1/sessions", json={"key": "corral-wrong"})
    empty = nobody.post("/api/v1/sessions", json={})

    assert code_of(wrong) == (401, "invalid_key")
    assert code_of(empty) == (422, "invalid_request")


def test_a_key_is_no_session_to_close(ann: Api) -> None:
    assert code_of(ann("DELETE", "/api/v1/sessions")) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/keys"),
        ("POST", "/api/v1/keys"),
        ("GET", "/api/v1/keys/1"),
        ("PATCH", "/api/v1/keys/1"),
        ("DELETE", "/api/v1/keys/1"),
        ("POST", "/api/v1/keys/1/rotate"),
        ("POST", "/api/v1/keys/1/disable"),
        ("POST", "/api/v1/keys/1/enable"),
        ("GET", "/api/v1/users"),
        ("POST", "/api/v1/users"),
        ("GET", "/api/v1/users/1"),
        ("PATCH", "/api/v1/users/1"),
        ("DELETE", "/api/v1/users/1"),
        ("GET", "/api/v1/maintenance"),
        ("POST", "/api/v1/maintenance/recovery/run"),
    ],
)
def test_what_is_for_administrators_is_403_for_others(
    ann: Api, method: str, path: str
) -> None:
    assert code_of(ann(method, path)) == (403, "scope_missing")


def test_scopes_are_shown_in_one_order_however_they_were_asked_for(
    ann: Api, admin: Api
) -> None:
    body = {"user": "carol", "name": "all", "scopes": ["admin", "read", "inference"]}

    made = NewKeyView.model_validate(admin.post("/api/v1/keys", json=body).json)
    me = Me.model_validate(ann.with_key(made.key).get("/api/v1/me").json)
    listed = KeyList.model_validate(admin.get("/api/v1/keys").json).data

    in_order = ["inference", "read", "admin"]
    assert made.scopes == in_order
    assert me.key.scopes == in_order
    assert [key.scopes for key in listed if key.name == "all"] == [in_order]


def test_a_key_is_shown_once_and_listed_by_its_prefix(ann: Api, admin: Api) -> None:
    body = {
        "user": "carol",
        "name": "notebook",
        "expires_at": "2100-01-01T00:00:00+02:00",
        "allowed_models": ["Tiny-Chat"],
        "highest_priority": "normal",
    }

    made = NewKeyView.model_validate(admin.post("/api/v1/keys", json=body).json)

    carol = ann.with_key(made.key)
    me = Me.model_validate(carol.get("/api/v1/me").json)
    assert (me.user.name, me.key.scopes) == ("carol", ["inference", "read"])
    assert made.allowed_models == ["tiny-chat:latest"]
    assert carol.submit().status_code == 202
    listed = admin.get("/api/v1/keys")
    assert made.key not in listed.text
    assert made.prefix in [
        key.prefix for key in KeyList.model_validate(listed.json).data
    ]


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"user": ""}, "user"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["root"]}, "scopes.0"),
        ({"expires_at": "2100-01-01"}, "expires_at"),
        ({"weight": 0}, "weight"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"rpm": 0}, "rpm"),
        ({"tpm": 2**31}, "tpm"),
        ({"speed": 5}, "speed"),
    ],
)
def test_a_wrong_field_of_a_new_key_is_named(
    admin: Api, over: dict[str, Any], field: str
) -> None:
    reply = admin.post("/api/v1/keys", json={"user": "x", "name": "y"} | over)

    assert code_of(reply) == (422, "invalid_request")
    assert reply.json is not None
    assert [error["field"] for error in reply.json["errors"]] == [field]


def test_an_administrators_key_has_every_scope(app: Flask, services: Services) -> None:
    api = Api(app.test_client(), make_key(services, "root", Scope.ADMIN))

    assert api.submit().status_code == 202
    assert api.get("/api/v1/keys").status_code == 200
