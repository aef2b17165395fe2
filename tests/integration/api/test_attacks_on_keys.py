"""What somebody tries who has a key that they should not have, or wants more of one."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from backend.api.container import Services
from backend.core.keys import Scope
from tests.integration.api.caller import Api, code_of, make_key, submit
from tests.integration.api.people import login_of

KEYS = "/api/v1/keys"
OWN = "/api/v1/me/keys"


def fields(reply: Any) -> list[str]:
    assert code_of(reply) == (422, "invalid_request"), reply.text
    return [error["field"] for error in reply.json["errors"]]


def test_no_key_that_a_leaked_one_makes_meanwhile_survives_it(
    app: Flask, services: Services, admin: Api
) -> None:
    leaked = Api(app.test_client(), make_key(services, "ada"))
    number = services.keys.recognise(str(leaked.key)).key_id
    together = threading.Barrier(9)

    def make(_: int) -> list[Api]:
        api, made = Api(app.test_client(), leaked.key), []
        together.wait()
        for _ in range(8):
            reply = api.post(OWN, json={"name": "mine"})
            if reply.status_code != 201:
                break
            # The next one is made with this one.
            api = api.with_key(reply.json["key"])
            made.append(api)
        return made

    def disable() -> None:
        together.wait()
        assert admin.post(f"{KEYS}/{number}/disable").status_code == 200

    with ThreadPoolExecutor(9) as pool:
        stopped = pool.submit(disable)
        made = [api for found in pool.map(make, range(8)) for api in found]
        stopped.result()

    assert {code_of(api.get("/api/v1/me")) for api in [leaked, *made]} == {
        (401, "disabled_key")
    }


def test_whose_keys_are_limited_mints_none_without_limits_by_logging_in(
    app: Flask, services: Services, admin: Api
) -> None:
    nobody = Api(app.test_client(), None)
    ada = login_of(services, nobody, "ada")
    user = services.accounts.users.named("ada")
    admin("PATCH", f"/api/v1/users/{user.id}", json={"rpm": 2})
    minted = ada.with_key(ada.post(OWN, json={"name": "free"}).json["key"])
    session = nobody.post("/api/v1/sessions", json={"key": minted.key})
    by_session = ada.with_key(session.json["token"])
    submit(minted)
    submit(by_session)

    for api in (ada, minted, by_session):
        assert code_of(api.submit()) == (429, "rate_limited")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", KEYS),
        ("POST", KEYS),
        ("PATCH", f"{KEYS}/1"),
        ("POST", f"{KEYS}/1/rotate"),
        ("POST", f"{KEYS}/1/enable"),
        ("GET", "/api/v1/users"),
        ("PATCH", "/api/v1/users/1"),
        ("POST", "/api/v1/maintenance/recovery/run"),
        ("DELETE", "/api/delete"),
    ],
)
def test_only_administrators_administrate(ann: Api, method: str, path: str) -> None:
    reply = ann(method, path, json={"role": "admin", "scopes": ["admin"]})

    assert reply.status_code == 403


def test_a_reading_key_starts_and_stops_nothing(app: Flask, services: Services) -> None:
    both = Api(app.test_client(), make_key(services, "ada"))
    body = {"name": "r", "scopes": ["read"]}
    reader = both.with_key(both.post(OWN, json=body).json["key"])
    job_id = submit(both)

    assert reader.get(f"/api/v1/jobs/{job_id}").status_code == 200
    for method, path in (
        ("POST", f"/api/v1/jobs/{job_id}/cancel"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/messages"),
        ("POST", "/v1/responses"),
        ("POST", f"/v1/responses/resp_{job_id.replace('-', '')}/cancel"),
        ("DELETE", f"/v1/responses/resp_{job_id.replace('-', '')}"),
        ("POST", "/api/chat"),
    ):
        assert reader(method, path, json={}).status_code == 403
    wider = reader.post(OWN, json={"name": "x", "scopes": ["inference"]})
    assert fields(wider) == ["scopes"]
    mine = services.keys.recognise(str(both.key)).key_id
    assert code_of(reader("DELETE", f"{OWN}/{mine}")) == (403, "scope_missing")


@pytest.mark.parametrize("token", ["session-unknown", None])
def test_a_sessions_token_opens_no_other_session(ann: Api, token: str | None) -> None:
    open_one = ann.with_key(None).post
    opened = open_one("/api/v1/sessions", json={"key": ann.key}).json["token"]
    ann.with_key(opened)("DELETE", "/api/v1/sessions")
    reply = open_one("/api/v1/sessions", json={"key": token or opened})

    assert fields(reply) == ["key"]
    assert "log in again" in reply.json["detail"]


@pytest.mark.parametrize(
    "path", ["/api/v1/jobs", "/v1/models", "/api/tags", "/v1/messages/count_tokens"]
)
def test_whose_session_ended_is_told_so_at_every_door(ann: Api, path: str) -> None:
    opened = ann.with_key(None).post("/api/v1/sessions", json={"key": ann.key})
    session = ann.with_key(opened.json["token"])
    session("DELETE", "/api/v1/sessions")
    reply = session("POST" if "count" in path else "GET", path, json={})

    assert reply.status_code == 401
    assert "The session has ended; log in again." in reply.text


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("2020-01-01T00:00:00Z", "is in the past"),
        ("0001-01-01T00:00:00+14:00", "is in the past"),
        ("9999-12-31T23:59:59-14:00", "before the year 10000"),
        ("2100-01-01", "with its zone"),
    ],
)
def test_a_key_ends_at_a_time_to_come(
    admin: Api, ann: Api, end: str, words: str
) -> None:
    number = admin.get("/api/v1/me").json["key"]["id"]
    body = {"name": "x", "expires_at": end}

    for reply in (
        admin.post(KEYS, json=body | {"user": "eve"}),
        admin("PATCH", f"{KEYS}/{number}", json=body),
        ann.post(OWN, json=body),
    ):
        assert fields(reply) == ["expires_at"]
        assert words in reply.json["detail"]


def test_jobs_are_asked_for_by_times_that_can_be(ann: Api) -> None:
    for name in ("created_after", "created_before"):
        reply = ann.get(f"/api/v1/jobs?{name}=9999-12-31T23:59:59-14:00")
        assert fields(reply) == [name]


@pytest.mark.parametrize("name", ["\x1b[2J", "a\nb", "a\x7f", "\u202eteg", "a\x9bm"])
def test_a_keys_name_does_nothing_to_a_terminal(
    admin: Api, ann: Api, name: str
) -> None:
    for reply in (
        ann.post(OWN, json={"name": name}),
        admin.post(KEYS, json={"user": "eve", "name": name}),
    ):
        assert fields(reply) == ["name"]
        assert "control characters" in reply.json["detail"]


def test_a_lowered_role_leaves_a_session_no_more_than_a_key(
    app: Flask, services: Services, admin: Api
) -> None:
    key = Api(app.test_client(), make_key(services, "ops", Scope.ADMIN))
    opened = key.with_key(None).post("/api/v1/sessions", json={"key": key.key})
    session = key.with_key(opened.json["token"])
    user = services.accounts.users.named("ops")
    assert session.get(KEYS).status_code == 200
    admin("PATCH", f"/api/v1/users/{user.id}", json={"role": "user"})

    for api in (key, session):
        assert code_of(api.get(KEYS)) == (403, "scope_missing")
        assert api.post(OWN, json={"name": "x"}).json["scopes"] == ["inference", "read"]
