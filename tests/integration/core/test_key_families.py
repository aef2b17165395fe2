"""What ends or narrows a key counts for those that were made with it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from backend.core.accounts.grant import KeyWish
from backend.core.accounts.own_keys import OwnKeys
from backend.core.db import Database
from backend.core.errors import (
    AppError,
    DisabledKeyError,
    ExpiredKeyError,
    InvalidKeyError,
)
from backend.core.jobs.states import Priority
from backend.core.keys import Scope
from backend.core.models import User
from tests.integration.core.keys_bench import Bench

BOTH = [Scope.INFERENCE, Scope.READ]


class Family(Bench):
    """A key that leaked, and what is made with it."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.own = OwnKeys(database)
        self.leaked, self.key = self.make(scopes=BOTH)

    def child_of(self, secret: str, name: str = "child") -> str:
        caller = self.keys.recognise(secret)
        return self.own.create(caller, KeyWish(name)).secret

    def prefix(self, secret: str) -> str:
        return self.keys.recognise(secret).key_prefix

    def rotate(self, secret: str) -> str:
        named = self.prefix(secret)
        return self.registry.rotate(named, overlap_seconds=60, actor="root")[0]

    def disable(self, secret: str) -> None:
        self.registry.disable(self.prefix(secret), actor="root")

    def alive(self, *secrets: str) -> list[bool]:
        return [self.lives(secret) for secret in secrets]

    def lives(self, secret: str) -> bool:
        try:
            self.keys.recognise(secret)
        except (DisabledKeyError, InvalidKeyError):
            return False
        return True


@pytest.fixture
def family(database: Database) -> Family:
    return Family(database)


def test_what_was_made_with_a_disabled_key_is_disabled_however_far(
    family: Family,
) -> None:
    child = family.child_of(family.leaked)
    grandchild = family.child_of(child)
    by_session, _, _ = family.keys.open_session(family.leaked, lifetime_ms=60_000)
    by_token = family.child_of(by_session)
    other, _ = family.make()
    subject = family.prefix(grandchild)
    family.disable(family.leaked)

    dead = (family.leaked, child, grandchild, by_token)
    assert family.alive(*dead, other) == [False] * 4 + [True]
    told = ("key.disabled", "root", subject, {"made_with": family.key.prefix})
    assert told in family.events()
    events = family.events()
    family.registry.disable(family.key.prefix, actor="root")
    assert family.events() == events
    # Nothing comes back by itself.
    family.registry.enable(family.key.prefix, actor="root")
    assert family.alive(family.leaked, child, grandchild) == [True, False, False]


def test_a_made_key_that_is_disabled_takes_only_what_is_below_it(
    family: Family,
) -> None:
    child, sibling = (family.child_of(family.leaked) for _ in range(2))
    grandchild = family.child_of(child)
    family.disable(child)

    found = family.alive(family.leaked, child, grandchild, sibling)
    assert found == [True, False, False, True]


def test_its_owner_disables_the_same(family: Family) -> None:
    child = family.child_of(family.leaked)
    grandchild = family.child_of(child)
    caller = family.keys.recognise(family.leaked)
    child_id = family.keys.recognise(child).key_id

    assert family.own.disable(caller, child_id)
    assert family.alive(family.leaked, child, grandchild) == [True, False, False]


def test_a_successor_of_a_made_key_ends_with_the_same_maker(family: Family) -> None:
    child = family.child_of(family.leaked)
    heir = family.rotate(child)
    grandchild = family.child_of(heir)
    family.disable(family.leaked)

    assert family.alive(child, heir, grandchild) == [False] * 3


def test_what_was_made_with_a_predecessor_ends_with_its_successor(
    family: Family,
) -> None:
    before = family.child_of(family.leaked)
    heir = family.rotate(family.leaked)
    last = family.rotate(heir)
    after = family.child_of(last)
    assert family.alive(before, after) == [True, True]
    family.disable(last)

    assert family.alive(before, after, last) == [False] * 3
    # Their secrets are others; they go on for as long as the overlap does.
    assert family.alive(family.leaked, heir) == [True, True]


def test_what_the_old_secret_made_ends_with_it_and_the_successor_goes_on(
    family: Family,
) -> None:
    before = family.child_of(family.leaked)
    heir = family.rotate(family.leaked)
    after = family.child_of(heir)
    family.disable(family.leaked)

    assert family.alive(before, heir, after) == [False, True, True]


def test_what_was_made_with_a_deleted_key_is_disabled(family: Family) -> None:
    child = family.child_of(family.leaked)
    family.registry.delete(family.key.prefix, actor="root")

    assert family.alive(family.leaked, child) == [False, False]


def test_what_narrows_a_key_narrows_what_was_made_with_it(family: Family) -> None:
    child = family.child_of(family.leaked)
    grandchild = family.child_of(child)
    soon = datetime.now(UTC) + timedelta(hours=1)
    changes = {
        "name": "narrow",
        "scopes": ["read"],
        "allowed_models": ["a:1"],
        "highest_priority": "low",
        "weight": 0.5,
        "rpm": 5,
        "expires_at": soon,
    }
    family.registry.update(family.key.prefix, changes, actor="root")

    for secret in (child, grandchild):
        caller = family.keys.recognise(secret)
        assert caller.key_name == "child"
        assert caller.scopes == {Scope.READ}
        assert caller.allowed_models == {"a:1"}
        assert caller.highest_priority is Priority.LOW
        assert (caller.weight, caller.expires_at) == (0.5, soon)
        assert caller.limits is not None
        assert caller.limits.key.rpm == 5


def test_what_is_left_without_a_scope_is_disabled(family: Family) -> None:
    family.registry.update(family.key.prefix, {"scopes": ["inference"]}, actor="root")
    child = family.child_of(family.leaked)
    family.registry.update(family.key.prefix, {"scopes": ["read"]}, actor="root")

    assert family.alive(family.leaked, child) == [True, False]
    assert [told[0] for told in family.events()][-1] == "key.disabled"


def test_what_widens_a_key_widens_nothing_else(family: Family) -> None:
    registry, prefix = family.registry, family.key.prefix
    registry.update(prefix, {"rpm": 5, "scopes": ["read"]}, actor="root")
    child = family.child_of(family.leaked)
    told = len(family.events())
    wide = {"rpm": None, "scopes": ["inference", "read"], "name": "wide"}
    registry.update(prefix, wide, actor="root")

    caller = family.keys.recognise(child)
    assert caller.scopes == {Scope.READ}
    assert caller.limits is not None
    assert caller.limits.key.rpm == 5
    assert len(family.events()) == told + 1


def test_a_key_that_expired_by_a_change_takes_what_it_made_along(
    family: Family,
) -> None:
    child = family.child_of(family.leaked)
    gone = datetime.now(UTC) - timedelta(seconds=1)
    family.registry.update(family.key.prefix, {"expires_at": gone}, actor="root")

    for secret in (family.leaked, child):
        with pytest.raises(ExpiredKeyError):
            family.keys.recognise(secret)


def forget_user(family: Family) -> None:
    family.registry.delete(family.key.prefix, actor="root")
    with family.database.sessions.begin() as session:
        session.query(User).delete()


@pytest.mark.parametrize(
    ("end", "error"),
    [
        (
            lambda family: family.registry.disable(family.key.prefix, actor="root"),
            DisabledKeyError,
        ),
        (
            lambda family: family.registry.delete(family.key.prefix, actor="root"),
            InvalidKeyError,
        ),
        (forget_user, InvalidKeyError),
    ],
)
def test_nothing_is_made_with_a_key_that_was_ended_meanwhile(
    family: Family, end: Callable[[Family], object], error: type[AppError]
) -> None:
    caller = family.keys.recognise(family.leaked)
    end(family)

    with pytest.raises(error):
        family.own.create(caller, KeyWish("late"))
    assert family.own.list_all(caller.user_id)[1:] == []
