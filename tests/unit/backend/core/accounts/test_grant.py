from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.core.accounts.grant import KeyWish, granted
from backend.core.accounts.roles import Role, narrowed, scopes_of
from backend.core.errors import InvalidRequestError
from backend.core.jobs.states import Priority
from backend.core.models import ApiKey, User
from backend.core.scopes import Scope

END = datetime(2030, 1, 1, tzinfo=UTC)


def parent(**over: Any) -> ApiKey:
    values = {
        "id": 7,
        "scopes": ["inference", "read"],
        "weight": 2.0,
        "rpm": 60,
        "highest_priority": "normal",
        "allowed_models": ["a:1", "b:1"],
        "expires_at": END,
    }
    return ApiKey(**(values | over))


def user(role: str, **over: Any) -> User:
    return User(**({"role": role, "highest_priority": "high"} | over))


def test_nothing_said_is_as_much_as_there_is() -> None:
    columns = granted(KeyWish("n"), parent(), user("user"))

    assert columns == {
        "name": "n",
        "scopes": ["inference", "read"],
        "weight": 2.0,
        "rpm": 60,
        "tpm": None,
        "daily_tokens": None,
        "max_concurrency": None,
        "highest_priority": "normal",
        "allowed_models": ["a:1", "b:1"],
        "expires_at": END,
        "lineage_id": 7,
        "made_with": 7,
    }


def test_a_lineage_goes_on() -> None:
    assert granted(KeyWish("n"), parent(lineage_id=3), user("user"))["lineage_id"] == 3


def test_less_is_granted_down_to_the_lowest() -> None:
    wish = KeyWish("n", [Scope.READ], [], Priority.LOW, END - timedelta(days=1))
    columns = granted(wish, parent(), user("user"))

    assert columns["scopes"] == ["read"]
    assert columns["allowed_models"] == []
    assert columns["highest_priority"] == "low"
    assert columns["expires_at"] == END - timedelta(days=1)


def test_what_is_not_limited_may_be_limited() -> None:
    free = parent(allowed_models=None, expires_at=None)
    columns = granted(KeyWish("n", None, ["c:1"], None, END), free, user("user"))

    assert (columns["allowed_models"], columns["expires_at"]) == (["c:1"], END)


def test_each_field_that_asks_for_too_much_is_named() -> None:
    wish = KeyWish(
        "n", [Scope.ADMIN], ["c:1"], Priority.HIGH, END + timedelta(seconds=1)
    )

    with pytest.raises(InvalidRequestError, match="scopes: you have only read") as it:
        granted(wish, parent(), user("viewer"))
    assert [error.field for error in it.value.errors] == [
        "scopes",
        "allowed_models",
        "highest_priority",
        "expires_at",
    ]


def test_nobody_asks_for_more_than_the_user_may() -> None:
    bound = user("user", highest_priority="low", allowed_models=["a:1"])
    wish = KeyWish("n", None, ["a:1", "b:1"], Priority.NORMAL)

    with pytest.raises(InvalidRequestError) as it:
        granted(wish, parent(), bound)
    told = [(error.field, error.message) for error in it.value.errors]
    assert told == [
        ("allowed_models", "you have only a:1"),
        ("highest_priority", "yours is low"),
    ]


def test_who_has_nothing_is_told_so() -> None:
    with pytest.raises(InvalidRequestError, match="you have only none"):
        granted(
            KeyWish("n", [Scope.READ]), parent(scopes=["inference"]), user("viewer")
        )


def test_admin_includes_what_a_role_allows() -> None:
    assert scopes_of(Role.ADMIN) == ["inference", "read", "admin"]
    assert narrowed(["admin"], "user") == ["inference", "read"]
    assert narrowed(["admin"], "admin") == ["inference", "read", "admin"]
    assert narrowed(["inference"], "viewer") == []
