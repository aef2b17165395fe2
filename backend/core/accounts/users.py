"""Users: who there is, and what becomes of them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as Transaction

from backend.core.account_errors import (
    LastAdministratorError,
    UserExistsError,
    UserInUseError,
    UserNotFoundError,
)
from backend.core.accounts.change import UserChange, takes_an_administrator, told
from backend.core.accounts.password_rules import check_password
from backend.core.accounts.passwords import Passwords
from backend.core.accounts.roles import Role, narrowed, scopes_of
from backend.core.accounts.user_names import check_user_name
from backend.core.audit import event
from backend.core.db import Database, transaction
from backend.core.errors import InvalidKeyError
from backend.core.key_families import disable_if_useless
from backend.core.models import SYSTEM_USER, ApiKey, Job, UsageHour, User
from backend.core.sessions import end_sessions_of

# The platform itself is nobody to log in, to disable or to delete.
_PEOPLE = User.name != SYSTEM_USER
_NOT_DELETED = "{} owns keys, jobs or usage, so it can only be disabled."


class Users:
    """Makes, lists, changes and deletes users."""

    def __init__(self, database: Database, passwords: Passwords) -> None:
        """Keep the database, and what hashes passwords."""
        self._database = database
        self._passwords = passwords

    def create(
        self,
        name: str,
        *,
        role: Role,
        password: str | None,
        actor: str,
        bounds: Mapping[str, Any] = MappingProxyType({}),
    ) -> User:
        """Make a user; without a password it has keys, but no log-in.

        `bounds` are columns of `User` that bound its keys.

        Raises:
            InvalidRequestError: If name or password are none.
            UserExistsError: If there is one of this name.
        """
        check_user_name(name, field="name")
        now = datetime.now(UTC)
        user = User(name=name, role=role.value, created_at=now, **bounds)
        if password is not None:
            check_password(password, user=name)
            user.password_hash = self._passwords.hash(password)
        try:
            with transaction(self._database.sessions) as session:
                session.add(user)
                made = event(
                    "user.created", actor=actor, subject=name, role=role, **bounds
                )
                session.add(made)
        except IntegrityError:
            raise UserExistsError from None
        return user

    def list_all(self) -> list[User]:
        """List all users, oldest first."""
        statement = select(User).where(_PEOPLE).order_by(User.id)
        with transaction(self._database.sessions) as session:
            return list(session.execute(statement).scalars())

    def get(self, user_id: int) -> User:
        """Read a user.

        Raises:
            UserNotFoundError: If there is none.
        """
        return self._one(User.id == user_id)

    def named(self, name: str) -> User:
        """Read a user by name.

        Raises:
            UserNotFoundError: If there is none.
        """
        return self._one(User.name == name)

    def _one(self, condition: ColumnElement[bool]) -> User:
        statement = select(User).where(condition, _PEOPLE)
        with transaction(self._database.sessions) as session:
            found = session.execute(statement).scalar_one_or_none()
        if found is None:
            raise UserNotFoundError
        return found

    def calling(self, user_id: int, key_id: int) -> tuple[User, ApiKey]:
        """Read who calls, and with which key; a log-in has one, too.

        Raises:
            InvalidKeyError: If they were deleted this moment.
        """
        statement = (
            select(User, ApiKey)
            .join(ApiKey, ApiKey.user_id == User.id)
            .where(User.id == user_id, ApiKey.id == key_id)
        )
        with transaction(self._database.sessions) as session:
            found = session.execute(statement).one_or_none()
        if found is None:
            raise InvalidKeyError
        return found.User, found.ApiKey

    def change(self, user_id: int, change: UserChange, *, actor: str) -> User:
        """Change a user; all of it counts at once, or nothing does.

        Raises:
            UserNotFoundError: If there is none.
            InvalidRequestError: If the password is none.
            LastAdministratorError: If nobody would be an administrator any more.
        """
        name, hashed = self.get(user_id).name, None
        if change.password is not None:
            check_password(change.password, user=name)
            hashed = self._passwords.hash(change.password)

        def work(session: Transaction) -> User:
            admins = _locked_admins(session)
            user = _locked(session, user_id)
            role, disabled = user.role, user.disabled_at is not None
            before = {n: getattr(user, n) for n in change.bounds}
            before |= {"role": role, "disabled": disabled}
            takes = takes_an_administrator(change, role=role, disabled=disabled)
            if takes and admins == [user.id]:
                raise LastAdministratorError
            self._apply(session, user, change, hashed, actor=actor)
            if said := told(change, before):
                changed = event("user.changed", actor=actor, subject=name, **said)
                session.add(changed)
            return user

        return self._database.transact(work)

    def _apply(
        self,
        session: Transaction,
        user: User,
        change: UserChange,
        hashed: str | None,
        *,
        actor: str,
    ) -> None:
        for name, value in change.bounds.items():
            setattr(user, name, value)
        if change.role not in (None, user.role):
            _give_role(session, user, change.role, actor=actor)
        if change.disabled is not None:
            since = user.disabled_at or datetime.now(UTC)
            user.disabled_at = since if change.disabled else None
        if hashed is not None:
            user.password_hash = hashed
        if hashed is not None or change.disabled:
            end_sessions_of(session, self._database.dialect, user.id)

    def delete(self, user_id: int, *, actor: str) -> None:
        """Delete a user who owns nothing.

        Raises:
            UserNotFoundError: If there is none.
            UserInUseError: If it owns something.
            LastAdministratorError: If nobody would be an administrator any more.
        """

        def work(session: Transaction) -> None:
            admins = _locked_admins(session)
            user = _locked(session, user_id)
            if _owns_something(session, user.id):
                raise UserInUseError(_NOT_DELETED.format(user.name))
            if admins == [user.id]:
                raise LastAdministratorError
            # Its log-ins' key, and by that its sessions.
            session.execute(delete(ApiKey).where(ApiKey.user_id == user.id))
            session.delete(user)
            session.add(event("user.deleted", actor=actor, subject=user.name))

        self._database.transact(work)

    def ensure_admin(self, name: str, password: str) -> bool:
        """Make the first administrator; tells whether that was still to be done.

        Whoever has a password keeps it, and role and standing, too.
        """
        try:
            user = self.named(name)
        except UserNotFoundError:
            self.create(name, role=Role.ADMIN, password=password, actor=SYSTEM_USER)
            return True
        if user.password_hash is not None:
            return False
        change = UserChange(role=Role.ADMIN, password=password)
        self.change(user.id, change, actor=SYSTEM_USER)
        return True


def _locked_admins(session: Transaction) -> list[int]:
    """Lock the administrators: of two who disable each other one has to wait."""
    statement = (
        select(User.id)
        .where(User.role == Role.ADMIN.value, User.disabled_at.is_(None))
        .order_by(User.id)
        .with_for_update()
    )
    return list(session.execute(statement).scalars())


def _locked(session: Transaction, user_id: int) -> User:
    statement = select(User).where(User.id == user_id, _PEOPLE).with_for_update()
    user = session.execute(statement).scalar_one_or_none()
    if user is None:
        raise UserNotFoundError
    return user


def _give_role(session: Transaction, user: User, role: Role, *, actor: str) -> None:
    """Give a role: log-ins get what it allows, keys lose what it does not."""
    user.role = role.value
    keys = select(ApiKey).where(ApiKey.user_id == user.id).with_for_update()
    for key in session.execute(keys).scalars():
        key.scopes = scopes_of(role) if key.is_login else narrowed(key.scopes, role)
        disable_if_useless(session, key, actor=actor)


def _owns_something(session: Transaction, user_id: int) -> bool:
    keys = exists().where(ApiKey.user_id == user_id, ApiKey.is_login.is_(False))
    jobs = exists().where(Job.owner_id == user_id)
    usage = exists().where(UsageHour.user_id == user_id)
    return bool(session.execute(select(keys | jobs | usage)).scalar())
