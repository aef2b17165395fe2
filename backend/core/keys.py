"""API keys and sessions: who may call, as what (shown once, stored as a hash)."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.core.accounts.roles import Role, check_scopes, role_for
from backend.core.accounts.user_names import check_user_name
from backend.core.audit import event
from backend.core.db import Database, transaction
from backend.core.errors import AppError, InvalidRequestError
from backend.core.group_commit import GroupCommit, step_back
from backend.core.jobs.states import Priority
from backend.core.key_lookup import Caller, Found, KeyLookup
from backend.core.last_used import LastUsed
from backend.core.models import SYSTEM_USER, ApiKey, User
from backend.core.scopes import Scope
from backend.core.secret_hash import hashed
from backend.core.sessions import SESSION_PREFIX, add_session, end_session

__all__ = ["Caller", "Keys", "Scope"]

KEY_PREFIX = "corral-"
_SHOWN = len(KEY_PREFIX) + 6
_NO_KEY = "is a session's token, not a key; if it has ended, log in again"
# About a kilobyte each.
_REMEMBERED = 10_000


def new_key() -> str:
    """Make a key: 256 random bits behind a visible prefix."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def shown_prefix(key: str) -> str:
    """Give the part of a key that may be shown."""
    return key[:_SHOWN]


class Keys:
    """Recognises callers; concurrent lookups share one query."""

    def __init__(self, database: Database) -> None:
        """Keep the database."""
        self._database = database
        self._remembered: dict[str, Caller] = {}
        self._last_used = LastUsed(database)
        lookup = KeyLookup(database)
        self._by_key: GroupCommit[str, Found] = GroupCommit(
            lookup.keys, gather=step_back
        )
        self._by_session: GroupCommit[str, Found] = GroupCommit(lookup.sessions)

    def recognise(self, secret: str) -> Caller:
        """Tell who sends this key or session token.

        Raises:
            InvalidKeyError, ExpiredKeyError, DisabledKeyError, DisabledUserError,
            SessionEndedError: If nobody may.
            DatabaseUnavailableError: If the database cannot be asked.
        """
        is_session = secret.startswith(SESSION_PREFIX)
        look_up = self._by_session if is_session else self._by_key
        sent = hashed(secret)
        try:
            caller = _admitted(look_up(sent))
        except AppError:
            self._remembered.pop(sent, None)
            raise
        if len(self._remembered) >= _REMEMBERED:
            self._remembered.clear()
        self._remembered[sent] = caller
        self._last_used.note(caller.key_id)
        return caller

    def remembered(self, secret: str) -> Caller | None:
        """Tell who it was that sent this when it was last recognised, if ever.

        That may not hold any more: for what is committed by the caller's credential,
        so that the database looks again.
        """
        return self._remembered.get(hashed(secret))

    def note_use(self, caller: Caller) -> None:
        """Take note that a remembered caller was who it was."""
        self._last_used.note(caller.key_id)

    def open_session(
        self, key: str, *, lifetime_ms: int
    ) -> tuple[str, datetime, Caller]:
        """Exchange a key for an opaque token; gives token, end and caller.

        Raises:
            InvalidRequestError: If it is a token already.
            InvalidKeyError, ExpiredKeyError, DisabledKeyError: If the key is no good.
        """
        if key.startswith(SESSION_PREFIX):
            # Whether it is one of ours, and goes on, nobody is told here.
            raise InvalidRequestError.of("key", _NO_KEY)
        caller = _admitted(self._by_key(hashed(key)))
        with transaction(self._database.sessions) as session:
            token, ends = add_session(session, caller.key_id, lifetime_ms=lifetime_ms)
        return token, ends, caller

    def close_session(self, token: str) -> bool:
        """End a session; tells whether there was one."""
        with transaction(self._database.sessions) as session:
            return end_session(session, self._database.dialect, token)

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
        rpm: int | None = None,
        tpm: int | None = None,
        daily_tokens: int | None = None,
        max_concurrency: int | None = None,
        secret: str | None = None,
        actor: str = SYSTEM_USER,
    ) -> tuple[str, ApiKey]:
        """Make a key for a user; gives the secret and the row.

        A new user is made with the role that the scopes need. `actor` is who does it,
        for the audit log; a limit that is None does not limit.

        Raises:
            InvalidRequestError: If the user's role does not allow the scopes, or a new
                user cannot be called so.
        """
        secret = secret or new_key()

        def work(session: Session) -> tuple[str, ApiKey]:
            owner = _owner(session, user, scopes)
            row = ApiKey(
                user_id=owner.id,
                name=name,
                prefix=shown_prefix(secret),
                hash=hashed(secret),
                scopes=[scope.value for scope in scopes],
                weight=weight,
                highest_priority=highest_priority.label,
                allowed_models=None if allowed_models is None else list(allowed_models),
                rpm=rpm,
                tpm=tpm,
                daily_tokens=daily_tokens,
                max_concurrency=max_concurrency,
                created_at=datetime.now(UTC),
                expires_at=expires_at,
            )
            session.add(row)
            session.add(event("key.created", actor=actor, subject=row.prefix))
            return secret, row

        try:
            return self._database.transact(work)
        except IntegrityError:
            # Somebody else made the user in this very instant.
            return self._database.transact(work)

    def list_all(self) -> list[tuple[ApiKey, User]]:
        """List all keys with their owners, oldest first; log-ins are none."""
        statement = (
            select(ApiKey, User)
            .join(User, User.id == ApiKey.user_id)
            .where(ApiKey.is_login.is_(False))
            .order_by(ApiKey.id)
        )
        with transaction(self._database.sessions) as session:
            return [(row.ApiKey, row.User) for row in session.execute(statement)]

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
        # Whoever has it is one, with or without a password.
        is_admin = update(User).where(User.name == user).values(role=Role.ADMIN.value)
        with transaction(self._database.sessions) as session:
            if session.execute(statement).scalar_one_or_none() is not None:
                return False
            session.execute(is_admin)
        self.create(user=user, name="first", scopes=list(Scope), secret=secret)
        return True


def _owner(session: Session, name: str, scopes: Sequence[Scope]) -> User:
    """Give who a key is for; a role that changes meanwhile waits, and then counts."""
    statement = select(User).where(User.name == name).with_for_update()
    owner = session.execute(statement).scalar_one_or_none()
    if owner is not None:
        check_scopes(scopes, user=name, role=owner.role)
        return owner
    check_user_name(name, field="user")
    owner = User(name=name, role=role_for(scopes).value, created_at=datetime.now(UTC))
    session.add(owner)
    session.flush()  # generates owner.id
    return owner


def _admitted(found: Found) -> Caller:
    if isinstance(found, Caller):
        return found
    raise found
