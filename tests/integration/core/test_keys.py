from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from backend.core.account_errors import (
    DisabledUserError,
    SessionEndedError,
)
from backend.core.accounts.roles import Role, role_for
from backend.core.db import Database, transaction
from backend.core.dialect import Dialect
from backend.core.errors import (
    DisabledKeyError,
    ExpiredKeyError,
    InvalidKeyError,
)
from backend.core.jobs.states import Priority
from backend.core.key_registry import KeyRegistry
from backend.core.keys import Keys, Scope, hashed, shown_prefix
from backend.core.last_used import LastUsed
from backend.core.models import User


class FakeClock:
    """A clock that is set by hand."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def keys(database: Database) -> Keys:
    return Keys(database)


def make(keys: Keys, **over: object) -> str:
    values: dict[str, object] = {
        "user": "ada",
        "name": "laptop",
        "scopes": [Scope.INFERENCE],
    }
    secret, _ = keys.create(**(values | over))  # type: ignore[arg-type]  # as named
    return secret


def test_a_key_says_who_calls_and_what_it_allows(keys: Keys) -> None:
    secret = make(
        keys, weight=2.0, highest_priority=Priority.NORMAL, allowed_models=["a:1"]
    )
    caller = keys.recognise(secret)

    assert (caller.user_name, caller.key_name) == ("ada", "laptop")
    assert secret.startswith(caller.key_prefix)
    assert caller.has(Scope.INFERENCE)
    assert not caller.has(Scope.READ)
    assert not caller.is_admin
    assert caller.may_use("a:1")
    assert not caller.may_use("b:1")
    assert (caller.weight, caller.highest_priority) == (2.0, Priority.NORMAL)
    assert caller.limits is None


def test_an_administrator_has_every_scope(keys: Keys) -> None:
    caller = keys.recognise(make(keys, scopes=[Scope.ADMIN]))

    assert all(caller.has(scope) for scope in Scope)
    assert caller.may_use("anything")


def test_the_secret_is_stored_as_a_hash_only(keys: Keys) -> None:
    secret = make(keys)
    ((row, user),) = keys.list_all()

    assert row.hash == hashed(secret)
    assert row.prefix == shown_prefix(secret) != secret
    assert user.name == "ada"


def test_an_unknown_key_is_refused(keys: Keys) -> None:
    make(keys)

    with pytest.raises(InvalidKeyError):
        keys.recognise("corral-unknown")
    with pytest.raises(SessionEndedError, match="No session has this token"):
        keys.recognise("session-unknown")


@pytest.mark.parametrize("by", ["id", "prefix"])
def test_a_disabled_key_stops_at_once(keys: Keys, database: Database, by: str) -> None:
    secret = make(keys)
    token, _, _ = keys.open_session(secret, lifetime_ms=60_000)
    ((row, _),) = keys.list_all()

    named = str(row.id) if by == "id" else row.prefix
    KeyRegistry(database).disable(named, actor="root")

    for credential in (secret, token):
        with pytest.raises(DisabledKeyError):
            keys.recognise(credential)


def test_a_disabled_user_stops_at_once(keys: Keys, database: Database) -> None:
    secret = make(keys)
    with transaction(database.sessions) as session:
        user = session.query(User).one()
        user.disabled_at = datetime.now(UTC)

    with pytest.raises(DisabledUserError):
        keys.recognise(secret)


def test_an_expired_key_is_refused(keys: Keys) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    gone = datetime.now(UTC) - timedelta(seconds=1)

    assert keys.recognise(make(keys, expires_at=soon)).expires_at is not None
    with pytest.raises(ExpiredKeyError):
        keys.recognise(make(keys, expires_at=gone))


class Tomorrow(Dialect):
    """A database whose clock is a day ahead of ours."""

    @property
    def now(self) -> str:
        return self.later("86400000")


def test_rule_4_keys_and_sessions_end_by_the_databases_clock(
    keys: Keys, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    ending, lasting = make(keys, expires_at=soon), make(keys, user="bob")
    token, _, _ = keys.open_session(lasting, lifetime_ms=60_000)
    monkeypatch.setattr(database, "dialect", Tomorrow(sqlite=database.dialect.sqlite))
    tomorrow = Keys(database)

    for credential, error in ((ending, ExpiredKeyError), (token, SessionEndedError)):
        with pytest.raises(error):
            tomorrow.recognise(credential)
    assert tomorrow.recognise(lasting).user_name == "bob"


def test_a_session_stands_for_its_key_until_it_ends(keys: Keys) -> None:
    secret = make(keys)
    token, ends, caller = keys.open_session(secret, lifetime_ms=60_000)
    over, _, _ = keys.open_session(secret, lifetime_ms=-1)

    assert keys.recognise(token) == caller
    assert ends > datetime.now(UTC)
    with pytest.raises(SessionEndedError, match="has ended; log in again"):
        keys.recognise(over)
    assert keys.close_session(token)
    assert not keys.close_session(token)
    with pytest.raises(SessionEndedError, match=r"^The session has ended"):
        keys.recognise(token)


def test_concurrent_callers_each_hear_of_their_own_key(keys: Keys) -> None:
    secrets = [make(keys, user=f"u{n}") for n in range(8)]

    def who(number: int) -> str:
        try:
            return keys.recognise([*secrets, "corral-bad"][number % 9]).user_name
        except InvalidKeyError:
            return "nobody"

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(who, range(180)))

    assert found == [
        [*(f"u{n}" for n in range(8)), "nobody"][i % 9] for i in range(180)
    ]


def test_who_was_recognised_is_remembered_until_refused(
    keys: Keys, database: Database
) -> None:
    secret, other = make(keys), make(keys, user="bob")
    assert keys.remembered(secret) is None
    caller = keys.recognise(secret)

    assert keys.remembered(secret) is caller
    assert keys.remembered(other) is None
    KeyRegistry(database).disable(caller.key_prefix, actor="root")
    with pytest.raises(DisabledKeyError):
        keys.recognise(secret)
    assert keys.remembered(secret) is None


def test_no_more_are_remembered_than_there_is_room_for(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.core.keys._REMEMBERED", 2)
    secrets = [make(keys, user=name) for name in ("ada", "bob", "cyd")]
    for secret in secrets:
        keys.recognise(secret)

    assert [keys.remembered(secret) is None for secret in secrets] == [
        True,
        True,
        False,
    ]


def test_the_first_key_is_made_once(keys: Keys) -> None:
    secret = "corral-" + "x" * 40

    assert keys.ensure_admin_key(secret, user="admin")
    assert not keys.ensure_admin_key(secret, user="admin")
    assert keys.recognise(secret).is_admin
    assert keys.ensure_user("admin") == keys.ensure_user("admin")
    assert keys.ensure_user("new") != keys.ensure_user("admin")


def test_the_first_key_gives_nobody_back_what_was_taken(
    keys: Keys, database: Database
) -> None:
    secret = "corral-" + "x" * 40
    keys.ensure_admin_key(secret, user="admin")
    with transaction(database.sessions) as session:
        session.query(User).one().role = "viewer"

    assert not keys.ensure_admin_key(secret, user="admin")
    assert keys.recognise(secret).scopes == {Scope.READ}
    assert keys.ensure_admin_key(secret + "y", user="admin")
    assert keys.recognise(secret + "y").is_admin


def test_of_two_first_keys_of_a_user_neither_is_lost(
    maria: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, others = Keys(maria), []

    def meanwhile(scopes: Sequence[Scope]) -> Role:
        if not others:
            others.append("before the other one's secret is there")
            others.append(make(keys))
        return role_for(scopes)

    monkeypatch.setattr("backend.core.keys.role_for", meanwhile)
    secret = make(keys)

    callers = [keys.recognise(one) for one in (secret, others[1])]
    assert callers[0].user_id == callers[1].user_id
    assert len(keys.list_all()) == 2


def test_a_key_knows_when_it_was_last_used_to_the_minute(database: Database) -> None:
    clock = FakeClock()
    keys = Keys(database)
    make(keys)
    ((key, _),) = keys.list_all()
    last_used = LastUsed(database, clock)

    def used_at() -> datetime | None:
        return keys.list_all()[0][0].last_used_at

    assert used_at() is None
    last_used.note(key.id)
    first = used_at()
    assert first is not None
    clock.now += 59
    last_used.note(key.id)
    assert used_at() == first
    clock.now += 1
    last_used.note(key.id)
    assert (used_at() or first) > first


def test_a_recognised_key_is_noted_as_used(keys: Keys) -> None:
    keys.recognise(make(keys))

    assert keys.list_all()[0][0].last_used_at is not None
