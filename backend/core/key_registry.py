"""Changing keys that there are: their rights, their secret, their end.

Each change is a line of the audit log. Callers notice at their next request, since
nothing that is remembered of a key counts by itself (`key_lookup`).
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, literal_column, or_, select
from sqlalchemy.orm import Session

from backend.core.account_errors import (
    KeyInactiveError,
    KeyNotFoundError,
    KeyWasRotatedError,
    KeyWasUsedError,
)
from backend.core.accounts.roles import check_scopes
from backend.core.audit import event
from backend.core.db import Database
from backend.core.key_families import disable, disable_made_with, narrow
from backend.core.keys import new_key, shown_prefix
from backend.core.models import ApiKey, Job, UsageHour, User, UtcDateTime
from backend.core.secret_hash import hashed

# What a key's successor has from it.
_INHERITED = (
    "user_id",
    "name",
    "scopes",
    "rpm",
    "tpm",
    "daily_tokens",
    "max_concurrency",
    "highest_priority",
    "allowed_models",
    "weight",
    "expires_at",
    "made_with",
)
# What a database can number; a larger number is no key's.
_NUMBER = re.compile(r"[0-9]{1,18}")
OwnedKey = tuple[ApiKey, User]


class KeyRegistry:
    """Finds keys by id or visible prefix, and changes them."""

    def __init__(self, database: Database) -> None:
        """Keep the database."""
        self._database = database

    def get(self, key: str) -> OwnedKey:
        """Give a key and its owner.

        Raises:
            KeyNotFoundError: If there is no such key.
        """
        return self._database.transact(lambda session: _find(session, key))

    def update(self, key: str, changes: Mapping[str, Any], *, actor: str) -> OwnedKey:
        """Change what a key is called and allows.

        What was made with it is narrowed as it is, and never widened.

        Args:
            key: Its id or prefix.
            changes: Columns of `ApiKey` with their new values; what is not named stays.
            actor: Who does it, for the audit log.

        Raises:
            KeyNotFoundError: If there is no such key.
            InvalidRequestError: If the user's role does not allow the scopes.
        """

        def work(session: Session) -> OwnedKey:
            row, user = _find(session, key, lock=True)
            if "scopes" in changes:
                check_scopes(changes["scopes"], user=user.name, role=user.role)
            changed = {n: v for n, v in changes.items() if getattr(row, n) != v}
            for name, value in changed.items():
                setattr(row, name, value)
            if changed:
                session.add(
                    event("key.updated", actor=actor, subject=row.prefix, **changed)
                )
                narrow(session, row, changed, actor=actor)
            return row, user

        return self._database.transact(work)

    def rotate(
        self, key: str, *, overlap_seconds: int, actor: str
    ) -> tuple[str, OwnedKey]:
        """Make a successor with the same rights and shared limits; gives its secret.

        The key itself expires after the overlap, if it does not before.

        Raises:
            KeyNotFoundError: If there is no such key.
            KeyInactiveError: If it is disabled or has expired.
            KeyWasRotatedError: If it has a successor.
        """
        secret = new_key()

        def work(session: Session) -> OwnedKey:
            row, user = _find(session, key, lock=True)
            now = self._now(session)
            if row.disabled_at or (row.expires_at and row.expires_at <= now):
                raise KeyInactiveError
            if session.execute(_successors(row)).first() is not None:
                # Another one would inherit the end that the overlap has.
                raise KeyWasRotatedError
            successor = _successor(row, secret, now)
            ends = now + timedelta(seconds=overlap_seconds)
            row.expires_at = min(row.expires_at or ends, ends)
            session.add(successor)
            data = {"successor": successor.prefix, "expires_at": row.expires_at}
            session.add(event("key.rotated", actor=actor, subject=row.prefix, **data))
            return successor, user

        return secret, self._database.transact(work)

    def disable(self, key: str, *, actor: str) -> OwnedKey:
        """Stop a key at once, the sessions that it opened, and what was made with it.

        Raises:
            KeyNotFoundError: If there is no such key.
        """

        def work(session: Session) -> OwnedKey:
            row, user = _find(session, key, lock=True)
            disable(session, row, self._now(session), actor=actor)
            return row, user

        return self._database.transact(work)

    def enable(self, key: str, *, actor: str) -> OwnedKey:
        """Let a disabled key be used again; what was made with it stays as it is.

        Raises:
            KeyNotFoundError: If there is no such key.
        """

        def work(session: Session) -> OwnedKey:
            row, user = _find(session, key, lock=True)
            if row.disabled_at is not None:
                row.disabled_at = None
                session.add(event("key.enabled", actor=actor, subject=row.prefix))
            return row, user

        return self._database.transact(work)

    def delete(self, key: str, *, actor: str) -> None:
        """Delete a key that no job names, and the sessions that it opened.

        What was made with it is disabled.

        Raises:
            KeyNotFoundError: If there is no such key.
            KeyWasUsedError: If a job names it.
        """

        def work(session: Session) -> None:
            row, _ = _find(session, key, lock=True)
            if _was_used(session, row):
                raise KeyWasUsedError
            disable_made_with(session, row, self._now(session), actor=actor)
            session.add(
                event("key.deleted", actor=actor, subject=row.prefix, name=row.name)
            )
            session.execute(delete(ApiKey).where(ApiKey.id == row.id))

        self._database.transact(work)

    def _now(self, session: Session) -> datetime:
        words = self._database.dialect.now.replace("%%", "%")
        now = select(literal_column(words, UtcDateTime()))
        return session.execute(now).scalar_one()


def _find(session: Session, key: str, *, lock: bool = False) -> OwnedKey:
    number = int(key) if _NUMBER.fullmatch(key) else -1
    named = or_(ApiKey.id == number, ApiKey.prefix == key)
    # What stands for logins has nothing to be changed, and nobody's secret.
    named &= ApiKey.is_login.is_(False)
    statement = select(ApiKey.id, ApiKey.user_id).where(named).limit(1)
    key_id, user_id = session.execute(statement).one_or_none() or (-1, -1)
    # Whoever changes keys locks their user first: its keys and role belong together.
    user = session.get(User, user_id, with_for_update=lock)
    # By primary key only: nobody else's row is locked.
    row = session.get(ApiKey, key_id, with_for_update=lock)
    if user is None or row is None:
        raise KeyNotFoundError
    return row, user


def _successors(row: ApiKey) -> Select[int]:
    mine = ApiKey.user_id == row.user_id, ApiKey.rotated_from == row.id
    return select(ApiKey.id).where(*mine).limit(1)


def _was_used(session: Session, row: ApiKey) -> bool:
    """Tell whether a job names the key, or the sums of jobs that are gone do."""
    owned = (
        # An owner's jobs have an index; those of a key alone do not.
        select(Job.id).where(Job.owner_id == row.user_id, Job.key_id == row.id),
        select(UsageHour.hour).where(
            UsageHour.user_id == row.user_id, UsageHour.key_id == row.id
        ),
    )
    return any(session.execute(named.limit(1)).first() is not None for named in owned)


def _successor(row: ApiKey, secret: str, now: datetime) -> ApiKey:
    return ApiKey(
        **{name: getattr(row, name) for name in _INHERITED},
        prefix=shown_prefix(secret),
        hash=hashed(secret),
        lineage_id=row.lineage_id or row.id,
        rotated_from=row.id,
        created_at=now,
    )
