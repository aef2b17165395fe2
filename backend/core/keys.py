"""API keys and sessions: who may call, as what (shown once, stored as a hash)."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import Select, or_, select, update

from backend.core.db import Database, transaction
from backend.core.errors import (
    DisabledKeyError,
    ExpiredKeyError,
    InvalidKeyError,
)
from backend.core.group_commit import GroupCommit
from backend.core.jobs.states import Priority
from backend.core.models import ApiKey, Session, User

KEY_PREFIX = "corral-"
SESSION_PREFIX = "session-"
_SHOWN = len(KEY_PREFIX) + 6


class Scope(StrEnum):
    """What a key allows; `admin` includes the others."""

    INFERENCE = "inference"
    READ = "read"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling: the key's owner and what the key allows."""

    user_id: int
    user_name: str
    key_id: int
    key_name: str
    key_prefix: str
    scopes: frozenset[Scope]
    weight: float
    highest_priority: Priority
    allowed_models: frozenset[str] | None
    limited: bool
    expires_at: datetime | None

    @property
    def is_admin(self) -> bool:
        """Tell whether the caller may see and do everything."""
        return Scope.ADMIN in self.scopes

    def has(self, scope: Scope) -> bool:
        """Tell whether the key has a scope."""
        return self.is_admin or scope in self.scopes

    def may_use(self, model: str) -> bool:
        """Tell whether the key allows a model."""
        return self.allowed_models is None or model in self.allowed_models


def new_key() -> str:
    """Make a key: 256 random bits behind a visible prefix."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def hashed(secret: str) -> str:
    """Hash a key or token; with 256 random bits a fast hash cannot be reversed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def shown_prefix(key: str) -> str:
    """Give the part of a key that may be shown."""
    return key[:_SHOWN]


class Keys:
    """Recognises callers; concurrent lookups share one query."""

    def __init__(self, database: Database) -> None:
        """Keep the database; nothing is cached, so a disabled key stops at once."""
        self._database = database
        self._by_key: GroupCommit[str, Caller] = GroupCommit(
            self._look_up_keys,
            split_on=(InvalidKeyError, ExpiredKeyError, DisabledKeyError),
        )
        self._by_session: GroupCommit[str, Caller] = GroupCommit(
            self._look_up_sessions,
            split_on=(InvalidKeyError, ExpiredKeyError, DisabledKeyError),
        )

    def recognise(self, secret: str) -> Caller:
        """Tell who sends this key or session token.

        Raises:
            InvalidKeyError, ExpiredKeyError, DisabledKeyError: If nobody may.
            DatabaseUnavailableError: If the database cannot be asked.
        """
        if secret.startswith(SESSION_PREFIX):
            return self._by_session(hashed(secret))
        return self._by_key(hashed(secret))

    def _look_up_keys(self, hashes: Sequence[str]) -> list[Caller]:
        statement = _callers().where(ApiKey.hash.in_(hashes))
        with transaction(self._database.sessions) as session:
            rows = {row.ApiKey.hash: row for row in session.execute(statement)}
        return [_caller(rows.get(one)) for one in hashes]

    def _look_up_sessions(self, hashes: Sequence[str]) -> list[Caller]:
        statement = (
            _callers()
            .add_columns(Session.token_hash, Session.expires_at.label("session_end"))
            .join(Session, Session.key_id == ApiKey.id)
            .where(Session.token_hash.in_(hashes))
        )
        with transaction(self._database.sessions) as session:
            rows = {row.token_hash: row for row in session.execute(statement)}
        return [_session_caller(rows.get(one)) for one in hashes]

    def open_session(
        self, key: str, *, lifetime_ms: int
    ) -> tuple[str, datetime, Caller]:
        """Exchange a key for an opaque token; gives token, end and caller.

        Raises:
            InvalidKeyError, ExpiredKeyError, DisabledKeyError: If the key is no good.
        """
        caller = self._by_key(hashed(key))
        token = SESSION_PREFIX + secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        ends = now + timedelta(milliseconds=lifetime_ms)
        row = Session(
            token_hash=hashed(token),
            key_id=caller.key_id,
            created_at=now,
            expires_at=ends,
        )
        with transaction(self._database.sessions) as session:
            session.add(row)
        return token, ends, caller

    def close_session(self, token: str) -> bool:
        """End a session; tells whether there was one."""
        statement = select(Session).where(Session.token_hash == hashed(token))
        with transaction(self._database.sessions) as session:
            row = session.execute(statement).scalar_one_or_none()
            if row is not None:
                session.delete(row)
        return row is not None

    def create(
        self,
        *,
        user: str,
        name: str,
        scopes: Sequence[Scope],
        expires_at: datetime | None = None,
        weight: float = 1.0,
        highest_priority: Priority = Priority.HIGH,
        allowed_models: Sequence[str] | None = None,
        secret: str | None = None,
    ) -> tuple[str, ApiKey]:
        """Make a key for a user, new or not; gives the secret and the row."""
        secret = secret or new_key()
        now = datetime.now(UTC)
        with transaction(self._database.sessions) as session:
            owner = session.execute(
                select(User).where(User.name == user)
            ).scalar_one_or_none()
            if owner is None:
                owner = User(name=user, created_at=now)
                session.add(owner)
                session.flush()  # generates owner.id
            row = ApiKey(
                user_id=owner.id,
                name=name,
                prefix=shown_prefix(secret),
                hash=hashed(secret),
                scopes=[scope.value for scope in scopes],
                weight=weight,
                highest_priority=highest_priority.label,
                allowed_models=None if allowed_models is None else list(allowed_models),
                created_at=now,
                expires_at=expires_at,
            )
            session.add(row)
        return secret, row

    def list_all(self) -> list[tuple[ApiKey, User]]:
        """List all keys with their owners, oldest first."""
        statement = (
            select(ApiKey, User)
            .join(User, User.id == ApiKey.user_id)
            .order_by(ApiKey.id)
        )
        with transaction(self._database.sessions) as session:
            return [(row.ApiKey, row.User) for row in session.execute(statement)]

    def revoke(self, key: str) -> bool:
        """Disable a key by its id or visible prefix; tells whether there was one."""
        number = int(key) if key.isascii() and key.isdigit() else -1
        statement = (
            update(ApiKey)
            .where(or_(ApiKey.id == number, ApiKey.prefix == key))
            .where(ApiKey.disabled_at.is_(None))
            .values(disabled_at=datetime.now(UTC))
        )
        with transaction(self._database.sessions) as session:
            changed: Any = session.execute(statement)
            return bool(changed.rowcount)

    def ensure_user(self, name: str) -> int:
        """Give a user's id, making the user if there is none."""
        with transaction(self._database.sessions) as session:
            user = session.execute(
                select(User).where(User.name == name)
            ).scalar_one_or_none()
            if user is None:
                user = User(name=name, created_at=datetime.now(UTC))
                session.add(user)
                session.flush()  # generates user.id
            return user.id

    def ensure_admin_key(self, secret: str, *, user: str) -> bool:
        """Make the first administrator's key; tells whether it was not there yet."""
        statement = select(ApiKey.id).where(ApiKey.hash == hashed(secret))
        with transaction(self._database.sessions) as session:
            there = session.execute(statement).scalar_one_or_none() is not None
        if not there:
            self.create(user=user, name="first", scopes=list(Scope), secret=secret)
        return not there


def _callers() -> Select[Any]:
    joined = select(ApiKey, User).join(User, User.id == ApiKey.user_id)
    return cast("Select[Any]", joined)


def _caller(row: Any) -> Caller:  # a row of `_callers`
    if row is None:
        raise InvalidKeyError
    key, user = row.ApiKey, row.User
    if key.disabled_at is not None or user.disabled_at is not None:
        raise DisabledKeyError
    if key.expires_at is not None and key.expires_at <= datetime.now(UTC):
        raise ExpiredKeyError
    return _caller_of(key, user)


def _session_caller(row: Any) -> Caller:  # a row of `_callers` with its session
    caller = _caller(row)
    if row.session_end <= datetime.now(UTC):
        raise ExpiredKeyError("The session has ended; log in again.")
    return caller


def _caller_of(key: ApiKey, user: User) -> Caller:
    models = key.allowed_models
    limits = (key.rpm, key.tpm, key.daily_tokens, key.max_concurrency)
    return Caller(
        user_id=user.id,
        user_name=user.name,
        key_id=key.id,
        key_name=key.name,
        key_prefix=key.prefix,
        scopes=frozenset(Scope(scope) for scope in key.scopes),
        weight=key.weight,
        highest_priority=Priority.of(key.highest_priority),
        allowed_models=None if models is None else frozenset(models),
        limited=any(limit is not None for limit in limits),
        expires_at=key.expires_at,
    )
