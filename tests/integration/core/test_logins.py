"""Accounts on each database, beside others who change the same user."""

from collections.abc import Callable
from typing import Any

import pytest
import redis
from argon2.profiles import CHEAPEST
from sqlalchemy import select

from backend.core.account_errors import (
    DisabledUserError,
    KeyNotFoundError,
    LastAdministratorError,
    SessionEndedError,
    TooManyLoginsError,
    UserExistsError,
    UserInUseError,
    UserNotFoundError,
    WrongPasswordError,
)
from backend.core.accounts.change import UserChange
from backend.core.accounts.login_limit import LoginLimit
from backend.core.accounts.logins import Logins
from backend.core.accounts.passwords import Passwords
from backend.core.accounts.roles import Role
from backend.core.accounts.users import Users
from backend.core.db import Database, transaction
from backend.core.errors import (
    InvalidKeyError,
    InvalidRequestError,
    QueueUnavailableError,
)
from backend.core.key_registry import KeyRegistry
from backend.core.keys import Keys, Scope
from backend.core.models import ApiKey, User
from backend.core.redis_client import connect
from tests.factories import insert, new_job

PASSWORD = "correct horse battery"
OTHER = "another horse battery"


class Meddler(Passwords):
    """Passwords that let something happen while one is verified."""

    def __init__(self) -> None:
        super().__init__(parameters=CHEAPEST)
        self.meanwhile: Callable[[], Any] = lambda: None

    def matches(self, kept: str | None, password: str) -> bool:
        right = super().matches(kept, password)
        self.meanwhile()
        return right


@pytest.fixture
def passwords() -> Meddler:
    return Meddler()


@pytest.fixture
def users(database: Database, passwords: Meddler) -> Users:
    return Users(database, passwords)


@pytest.fixture
def limit(client: redis.Redis) -> LoginLimit:
    return LoginLimit(client, by_name=3, in_all=100, window_ms=60_000)


@pytest.fixture
def logins(database: Database, passwords: Meddler, limit: LoginLimit) -> Logins:
    return Logins(database, passwords, limit, lifetime_ms=60_000)


@pytest.fixture
def ada(users: Users) -> User:
    return users.create("ada", role=Role.USER, password=PASSWORD, actor="test")


def test_a_login_is_recognised_as_its_user(
    database: Database, logins: Logins, ada: User
) -> None:
    keys = Keys(database)
    first, second = (logins.log_in("ada", PASSWORD) for _ in range(2))
    callers = [keys.recognise(login.token) for login in (first, second)]

    assert [caller.user_id for caller in callers] == [ada.id, ada.id]
    assert callers[0].key_id == callers[1].key_id
    assert callers[0].scopes == {Scope.INFERENCE, Scope.READ}
    assert keys.list_all() == []
    with pytest.raises(KeyNotFoundError):
        KeyRegistry(database).disable(str(callers[0].key_id), actor="root")


@pytest.mark.parametrize(
    "change",
    [
        (UserChange(password=OTHER), WrongPasswordError),
        (UserChange(disabled=True), DisabledUserError),
    ],
)
def test_a_user_who_changed_while_its_password_was_verified_is_not_let_in(
    users: Users,
    logins: Logins,
    passwords: Meddler,
    ada: User,
    change: tuple[UserChange, type[Exception]],
) -> None:
    passwords.meanwhile = lambda: users.change(ada.id, change[0], actor="root")

    with pytest.raises(change[1]):
        logins.log_in("ada", PASSWORD)


def test_a_user_who_was_deleted_meanwhile_is_not_let_in(
    users: Users, logins: Logins, passwords: Meddler, ada: User
) -> None:
    passwords.meanwhile = lambda: users.delete(ada.id, actor="root")

    with pytest.raises(WrongPasswordError):
        logins.log_in("ada", PASSWORD)


def test_a_password_that_was_changed_meanwhile_is_not_changed_again(
    users: Users, logins: Logins, passwords: Meddler, ada: User
) -> None:
    change = UserChange(password=OTHER)
    passwords.meanwhile = lambda: users.change(ada.id, change, actor="root")

    with pytest.raises(InvalidRequestError, match="old"):
        logins.change_password(ada.id, PASSWORD, "a third horse", token="")
    passwords.meanwhile = lambda: None
    assert logins.log_in("ada", OTHER).user.id == ada.id


def test_all_but_ones_own_session_end_with_the_password(
    database: Database, logins: Logins, ada: User
) -> None:
    keys = Keys(database)
    secret, _ = keys.create(user="ada", name="n", scopes=[Scope.READ])
    own, other = (logins.log_in("ada", PASSWORD).token for _ in range(2))
    by_key, _, _ = keys.open_session(secret, lifetime_ms=60_000)
    logins.change_password(ada.id, PASSWORD, OTHER, token=own)

    assert keys.recognise(own).user_id == ada.id
    for token in (other, by_key):
        with pytest.raises(SessionEndedError):
            keys.recognise(token)
    assert keys.recognise(secret).user_id == ada.id


def test_without_redis_nobody_is_let_in_and_nothing_is_told_of_the_password(
    database: Database, passwords: Meddler, ada: User
) -> None:
    away = connect("redis://127.0.0.1:1/0", timeout_seconds=1)
    limit = LoginLimit(away, by_name=3, in_all=100, window_ms=60_000)
    logins = Logins(database, passwords, limit, lifetime_ms=60_000)

    for password in (PASSWORD, "wrong"):
        with pytest.raises(QueueUnavailableError, match="log-ins cannot be counted"):
            logins.log_in("ada", password)


def test_redis_that_goes_away_meanwhile_ends_no_login(
    logins: Logins,
    passwords: Meddler,
    ada: User,
    client: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise redis.ConnectionError

    passwords.meanwhile = lambda: monkeypatch.setattr(client, "eval", refuse)

    assert logins.log_in("ada", PASSWORD).user.id == ada.id


def test_a_login_that_fails_for_another_reason_is_not_counted(
    users: Users, logins: Logins, ada: User, client: redis.Redis
) -> None:
    users.change(ada.id, UserChange(disabled=True), actor="root")
    for _ in range(5):
        with pytest.raises(DisabledUserError):
            logins.log_in("ada", PASSWORD)
    for _ in range(3):
        with pytest.raises(WrongPasswordError):
            logins.log_in("ada", "wrong")
    with pytest.raises(TooManyLoginsError) as caught:
        logins.log_in("ada", PASSWORD)

    assert 0 < (caught.value.retry_after or 0) <= 60


def test_an_attempt_given_back_after_its_window_makes_no_credit(
    limit: LoginLimit, client: redis.Redis
) -> None:
    with limit.attempt("ada", told_first=lambda _: None):
        client.flushdb()

    assert client.keys("*") == []


def test_the_first_administrator_is_made_once_and_keeps_what_was_changed(
    users: Users, logins: Logins
) -> None:
    assert users.ensure_admin("root", PASSWORD)
    root = users.named("root")
    users.create("other", role=Role.ADMIN, password=PASSWORD, actor="test")
    logins.change_password(root.id, PASSWORD, OTHER, token="")
    users.change(root.id, UserChange(Role.VIEWER, disabled=True), actor="other")

    assert not users.ensure_admin("root", PASSWORD)
    root = users.named("root")
    assert (root.role, root.disabled_at is None) == ("viewer", False)
    with pytest.raises(DisabledUserError):
        logins.log_in("root", OTHER)


def test_whoever_had_only_a_key_becomes_the_first_administrator(
    database: Database, users: Users, logins: Logins
) -> None:
    Keys(database).create(user="admin", name="first", scopes=list(Scope))

    assert users.ensure_admin("admin", PASSWORD)
    assert logins.log_in("admin", PASSWORD).user.role == "admin"


def test_a_role_narrows_keys_and_never_widens_them(
    database: Database, users: Users, logins: Logins, ada: User
) -> None:
    keys = Keys(database)
    keys.create(user="ada", name="i", scopes=[Scope.INFERENCE])
    keys.create(user="ada", name="ir", scopes=[Scope.INFERENCE, Scope.READ])
    gone, _ = keys.create(user="ada", name="gone", scopes=[Scope.INFERENCE])
    prefix = keys.recognise(gone).key_prefix
    KeyRegistry(database).disable(prefix, actor="root")
    logins.log_in("ada", PASSWORD)
    for role in (Role.VIEWER, Role.ADMIN):
        users.change(ada.id, UserChange(role), actor="root")

    statement = select(ApiKey).order_by(ApiKey.id)
    with transaction(database.sessions) as session:
        found = session.execute(statement).scalars().all()
    assert [(key.scopes, key.disabled_at is None) for key in found] == [
        ([], False),
        (["read"], True),
        ([], False),
        (["inference", "read", "admin"], True),
    ]


def test_who_was_deleted_this_moment_calls_no_more(
    database: Database, users: Users, ada: User
) -> None:
    _, key = Keys(database).create(user="ada", name="i", scopes=[Scope.READ])

    found = users.calling(ada.id, key.id)
    assert (found[0].name, found[1].name) == ("ada", "i")
    with pytest.raises(InvalidKeyError):
        users.calling(ada.id, key.id + 1)


def test_users_are_made_once_and_deleted_only_without_belongings(
    database: Database, users: Users, ada: User
) -> None:
    with pytest.raises(UserExistsError):
        users.create("ada", role=Role.USER, password=None, actor="test")
    insert(database, new_job(owner_id=ada.id))
    with pytest.raises(UserInUseError):
        users.delete(ada.id, actor="test")
    boss = users.create("boss", role=Role.ADMIN, password=None, actor="test")
    with pytest.raises(LastAdministratorError):
        users.delete(boss.id, actor="test")
    with pytest.raises(LastAdministratorError):
        users.change(boss.id, UserChange(disabled=True), actor="test")
    with pytest.raises(UserNotFoundError):
        users.change(999_999, UserChange(), actor="test")
    with pytest.raises(UserNotFoundError):
        users.delete(999_999, actor="test")
    assert [user.name for user in users.list_all()] == ["ada", "boss"]
