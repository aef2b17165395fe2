"""Administrators change keys: rights, limits, secret, end."""

from typing import Any

import pytest
from flask import Flask

from backend.api.container import Services
from backend.api.schemas.views.account import Me
from backend.api.schemas.views.keys import (
    KeyList,
    KeyView,
    NewKeyView,
    StandingKeyView,
)
from tests.integration.api.caller import Api, submit

LIMITS = {"rpm": 60, "tpm": 10_000, "daily_tokens": 100_000, "max_concurrency": 2}


def code_of(reply: Any) -> tuple[int, str]:
    return reply.status_code, reply.json["code"]


@pytest.fixture
def made(admin: Api) -> NewKeyView:
    body = {"user": "eve", "name": "laptop", **LIMITS}
    return NewKeyView.model_validate(admin.post("/api/v1/keys", json=body).json)


@pytest.fixture
def eve(ann: Api, made: NewKeyView) -> Api:
    return ann.with_key(made.key)


def at(made: NewKeyView, verb: str = "") -> str:
    return f"/api/v1/keys/{made.id}{verb}"


def test_a_key_is_made_with_its_limits_and_listed(admin: Api, made: NewKeyView) -> None:
    listed = KeyList.model_validate(admin.get("/api/v1/keys").json).data
    (shown,) = [key for key in listed if key.id == made.id]

    assert {name: getattr(shown, name) for name in LIMITS} == LIMITS
    assert shown.lineage_id == made.id


def test_a_key_shows_what_is_left_of_its_limits(
    admin: Api, eve: Api, made: NewKeyView
) -> None:
    submit(eve)

    shown = StandingKeyView.model_validate(admin.get(at(made)).json).limits
    own = Me.model_validate(eve.get("/api/v1/me").json).key.limits

    for limits in (shown, own):
        assert limits.rpm is not None
        assert (limits.rpm.used, limits.rpm.remaining) == (1, 59)
        assert 0 < (limits.rpm.reset_seconds or 0) <= 60
        assert limits.tpm is not None
        assert limits.tpm.used == 2_048 + 4
        assert limits.daily_tokens is not None
        assert limits.daily_tokens.remaining == 100_000 - 2_052
        assert 60 < (limits.daily_tokens.reset_seconds or 0) <= 86_400
        assert limits.max_concurrency is not None
        assert (limits.max_concurrency.used, limits.max_concurrency.limit) == (1, 2)
        assert limits.max_concurrency.reset_seconds is None


def test_what_is_not_limited_is_null_and_what_is_not_used_is_whole(
    admin: Api, ann: Api, made: NewKeyView
) -> None:
    unlimited = Me.model_validate(ann.get("/api/v1/me").json).key
    unused = StandingKeyView.model_validate(admin.get(at(made)).json).limits

    assert set(unlimited.limits.model_dump().values()) == {None}
    assert unused.rpm is not None
    assert (unused.rpm.remaining, unused.rpm.reset_seconds) == (60, 0)


def test_limits_are_changed_and_removed(admin: Api, eve: Api, made: NewKeyView) -> None:
    changes = {"rpm": 1, "tpm": None, "name": "desk", "weight": 2.5}

    shown = KeyView.model_validate(admin("PATCH", at(made), json=changes).json)

    assert (shown.rpm, shown.tpm, shown.max_concurrency) == (1, None, 2)
    assert (shown.name, shown.weight, shown.scopes) == (
        *("desk", 2.5),
        ["inference", "read"],
    )
    submit(eve)
    assert code_of(eve.submit()) == (429, "rate_limited")
    removed = dict.fromkeys(LIMITS)
    assert admin("PATCH", at(made), json=removed).status_code == 200
    submit(eve)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"scopes": []}, "scopes"),
        ({"scopes": None}, "scopes"),
        ({"name": ""}, "name"),
        ({"weight": 0}, "weight"),
        ({"highest_priority": "urgent"}, "highest_priority"),
        ({"rpm": -1}, "rpm"),
        ({"user": "bob"}, "user"),
    ],
)
def test_a_wrong_change_is_named_and_changes_nothing(
    admin: Api, made: NewKeyView, changes: dict[str, Any], field: str
) -> None:
    reply = admin("PATCH", at(made), json={"tpm": 7} | changes)

    assert code_of(reply) == (422, "invalid_request")
    assert reply.json is not None
    assert [error["field"] for error in reply.json["errors"]] == [field]
    assert StandingKeyView.model_validate(admin.get(at(made)).json).tpm == 10_000


def test_nothing_to_change_changes_nothing(admin: Api, made: NewKeyView) -> None:
    reply = admin("PATCH", at(made), json={})

    assert KeyView.model_validate(reply.json).model_dump() == made.model_dump(
        exclude={"key"}
    )


def test_models_are_named_by_their_canonical_names(
    admin: Api, made: NewKeyView
) -> None:
    changes = {"allowed_models": ["Tiny-Chat", "tiny-chat:latest", "x:1"]}

    shown = KeyView.model_validate(admin("PATCH", at(made), json=changes).json)

    assert shown.allowed_models == ["tiny-chat:latest", "x:1"]


@pytest.mark.parametrize("body", [None, {"overlap_seconds": 60}])
def test_a_rotated_key_and_its_successor_share_their_limits(
    admin: Api, eve: Api, made: NewKeyView, body: Any
) -> None:
    more = {} if body is None else {"json": body}
    reply = admin.post(at(made, "/rotate"), **more)
    successor = NewKeyView.model_validate(reply.json)
    heir = eve.with_key(successor.key)

    assert reply.status_code == 201
    assert reply.headers["Cache-Control"] == "no-store"
    assert (successor.lineage_id, successor.rpm) == (made.id, 60)
    again = admin.post(at(made, "/rotate"), **more)
    assert code_of(again) == (409, "key_was_rotated")
    submit(eve)
    submit(heir)
    for one in (eve, heir):
        assert code_of(one.submit()) == (429, "rate_limited")


def test_without_an_overlap_the_old_secret_stops_at_once(
    admin: Api, eve: Api, made: NewKeyView
) -> None:
    submit(eve)
    admin.post(at(made, "/rotate"), json={"overlap_seconds": 0})

    assert code_of(eve.submit()) == (401, "expired_key")
    again = admin.post(at(made, "/rotate"), json={"overlap_seconds": 0})
    assert code_of(again) == (409, "key_inactive")


def test_a_wrong_overlap_is_named(admin: Api, made: NewKeyView) -> None:
    reply = admin.post(at(made, "/rotate"), json={"overlap_seconds": -1})

    assert code_of(reply) == (422, "invalid_request")


def test_a_key_is_disabled_and_enabled_again(
    admin: Api, eve: Api, made: NewKeyView
) -> None:
    disabled = KeyView.model_validate(admin.post(at(made, "/disable")).json)
    refused = eve.submit()
    enabled = KeyView.model_validate(admin.post(at(made, "/enable")).json)

    assert disabled.disabled_at is not None
    assert code_of(refused) == (401, "disabled_key")
    assert enabled.disabled_at is None
    submit(eve)


def test_only_a_key_that_was_never_used_is_deleted(
    admin: Api, eve: Api, ann: Api, made: NewKeyView
) -> None:
    body = {"user": "eve", "name": "spare"}
    spare = NewKeyView.model_validate(admin.post("/api/v1/keys", json=body).json)
    submit(eve)

    assert admin("DELETE", at(spare)).status_code == 204
    assert code_of(admin("DELETE", at(made))) == (409, "key_was_used")
    assert code_of(ann.with_key(spare.key).get("/api/v1/me")) == (401, "invalid_key")
    assert eve.get("/api/v1/me").status_code == 200


@pytest.mark.parametrize(
    ("method", "verb"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/rotate"),
        ("POST", "/disable"),
        ("POST", "/enable"),
    ],
)
def test_a_key_that_is_not_there_is_404(admin: Api, method: str, verb: str) -> None:
    more = {"json": {}} if method == "PATCH" else {}

    reply = admin(method, f"/api/v1/keys/999999{verb}", **more)

    assert code_of(reply) == (404, "key_not_found")


def test_who_changed_a_key_is_written_down(
    app: Flask, services: Services, admin: Api, made: NewKeyView
) -> None:
    for verb in ("/rotate", "/disable", "/enable"):
        admin.post(at(made, verb))

    def read(cursor: Any) -> list[tuple[Any, ...]]:
        cursor.execute(
            "SELECT kind,actor FROM events WHERE subject=%s ORDER BY id",
            (made.prefix,),
        )
        return cursor.rows()  # type: ignore[no-any-return]  # of a raw cursor

    assert services.database.read(read) == [
        (kind, "admin")
        for kind in ("key.created", "key.rotated", "key.disabled", "key.enabled")
    ]
