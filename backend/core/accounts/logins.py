"""Log-ins: a name and a password for a session's token.

A session stands for a key, also here: each user who logs in has one that nobody knows
the secret of, and which no list shows. So whoever logged in is recognised as quickly as
whoever sends a key, and role, disabling and the end of a session count at once.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session as Transaction

from backend.core import metrics
from backend.core.account_errors import (
    DisabledUserError,
    NoPasswordError,
    WrongPasswordError,
)
from backend.core.accounts.login_limit import LoginLimit
from backend.core.accounts.password_rules import check_password
from backend.core.accounts.passwords import Passwords
from backend.core.accounts.roles import scopes_of
from backend.core.audit import event
from backend.core.db import Database, transaction
from backend.core.errors import AppError, InvalidRequestError
from backend.core.models import SYSTEM_USER, ApiKey, User
from backend.core.secret_hash import hashed
from backend.core.sessions import add_session, end_sessions_of

log = structlog.get_logger()

_LOGIN = "login"
# Somebody's password may have been typed where the name belongs.
_UNKNOWN = "a name that is no user's"
_EVERYBODY = "all names"


@dataclass(frozen=True, slots=True)
class Login:
    """A session that was opened."""

    token: str
    expires_at: datetime
    user: User


class Logins:
    """Checks passwords and opens sessions."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        limit: LoginLimit,
        *,
        lifetime_ms: int,
    ) -> None:
        """Keep the collaborators, and how long a session lasts."""
        self._database = database
        self._passwords = passwords
        self._limit = limit
        self._lifetime_ms = lifetime_ms

    def log_in(self, name: str, password: str) -> Login:
        """Open a session.

        Raises:
            WrongPasswordError: If there is no such user, or the password is wrong.
            DisabledUserError: If the password is right, but the user is disabled.
            TooManyLoginsError: If passwords were wrong too often.
            QueueUnavailableError: If that cannot be counted.
        """
        try:
            user, newer = self._checked(name, password)
            opened = self._open(user, newer)
        except AppError as error:
            metrics.record_login(error.code)
            raise
        metrics.record_login("ok")
        return opened

    def _checked(self, name: str, password: str) -> tuple[User, str]:
        """Give the user, and what shall be kept of the password from now on."""

        def told_first(in_all: bool) -> None:  # noqa: FBT001 — a callback's one word
            self._note_excess(None if in_all else name)

        with self._limit.attempt(name, told_first=told_first):
            user = self._find(name)
            kept = user.password_hash if user else None
            if not self._passwords.matches(kept, password) or not (user and kept):
                raise WrongPasswordError
            if user.disabled_at is not None:
                raise DisabledUserError
            if self._passwords.is_outdated(kept):
                return user, self._passwords.hash(password)
            return user, kept

    def _find(self, name: str) -> User | None:
        statement = select(User).where(User.name == name, User.name != SYSTEM_USER)
        with transaction(self._database.sessions) as session:
            user = session.execute(statement).scalar_one_or_none()
        # MySQL takes no notice of spaces at the end, but each would be counted apart.
        return user if user is not None and user.name == name else None

    def _note_excess(self, name: str | None) -> None:
        known = name is None or self._find(name) is not None
        subject = (name or _EVERYBODY) if known else _UNKNOWN
        log.warning("logins_failed_too_often", user=subject)
        with transaction(self._database.sessions) as session:
            session.add(event("login.limited", actor=SYSTEM_USER, subject=subject))

    def _open(self, verified: User, newer: str) -> Login:
        def work(session: Transaction) -> Login:
            user = _locked(session, verified)
            user.password_hash = newer
            key_id = _login_key(session, user)
            token, ends = add_session(session, key_id, lifetime_ms=self._lifetime_ms)
            return Login(token, ends, user)

        return self._database.transact(work)

    def change_password(self, user_id: int, old: str, new: str, *, token: str) -> None:
        """Change one's own password; one's other sessions end.

        Args:
            user_id: Whose.
            old: The password until now.
            new: The password from now on.
            token: What the caller sent: its session goes on.

        Raises:
            NoPasswordError: If there is none to change.
            InvalidRequestError: If the old one is wrong, or the new one is none.
            TooManyLoginsError: If passwords were wrong too often.
            QueueUnavailableError: If that cannot be counted.
        """
        with transaction(self._database.sessions) as session:
            user = session.get_one(User, user_id)
        if user.password_hash is None:
            raise NoPasswordError
        check_password(new, user=user.name, field="new")
        try:
            verified, _ = self._checked(user.name, old)
            newer = self._passwords.hash(new)
            self._database.transact(
                lambda session: self._change(session, verified, newer, token=token)
            )
        except WrongPasswordError:
            # Who calls is known, so this is no matter of who is there (401).
            raise InvalidRequestError.of("old", "is not your password") from None

    def _change(
        self, session: Transaction, verified: User, newer: str, *, token: str
    ) -> None:
        user = _locked(session, verified)
        user.password_hash = newer
        end_sessions_of(session, self._database.dialect, user.id, but=token)
        name = user.name
        changed = event("user.changed", actor=name, subject=name, new_password=True)
        session.add(changed)


def _locked(session: Transaction, verified: User) -> User:
    """Read again whose password was verified, unless that changed meanwhile."""
    statement = select(User).where(User.id == verified.id).with_for_update()
    user = session.execute(statement).scalar_one_or_none()
    if user is None or user.password_hash != verified.password_hash:
        raise WrongPasswordError
    if user.disabled_at is not None:
        raise DisabledUserError
    return user


def _login_key(session: Transaction, user: User) -> int:
    """Give the key that stands for a user's log-ins; the user's row is locked."""
    statement = select(ApiKey.id).where(ApiKey.user_id == user.id, ApiKey.is_login)
    found = session.execute(statement).scalar_one_or_none()
    if found is not None:
        return found
    key = ApiKey(
        user_id=user.id,
        name=_LOGIN,
        prefix=_LOGIN,
        hash=hashed(secrets.token_urlsafe(32)),
        scopes=scopes_of(user.role),
        is_login=True,
        created_at=datetime.now(UTC),
    )
    session.add(key)
    session.flush()  # generates key.id
    return key.id
