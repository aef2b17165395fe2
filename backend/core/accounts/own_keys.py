"""Keys that users make for themselves: never more than the key they come with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session as Transaction

from backend.core.account_errors import (
    TooManyKeysError,
)
from backend.core.accounts.grant import KeyWish, granted
from backend.core.audit import event
from backend.core.db import Database, transaction
from backend.core.key_lookup import Caller
from backend.core.keys import new_key, shown_prefix
from backend.core.models import ApiKey, User
from backend.core.secret_hash import hashed

# Each is a row to look at; nobody needs so many.
_MOST = 100


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was made: its secret, which is shown once, and its row."""

    secret: str
    row: ApiKey


class OwnKeys:
    """Makes, lists and disables a user's keys."""

    def __init__(self, database: Database) -> None:
        """Keep the database."""
        self._database = database

    def list_all(self, user_id: int) -> Sequence[ApiKey]:
        """List a user's keys, oldest first; its log-ins are none."""
        statement = select(ApiKey).where(*_own(user_id)).order_by(ApiKey.id)
        with transaction(self._database.sessions) as session:
            return session.execute(statement).scalars().all()

    def create(self, caller: Caller, wish: KeyWish) -> NewKey:
        """Make a key.

        Raises:
            InvalidRequestError: If it would be more than the caller's own key or role.
            TooManyKeysError: If the user has as many as anybody may have.
        """
        secret = new_key()

        def work(session: Transaction) -> NewKey:
            # A role that changes meanwhile waits, and then narrows this key as well.
            owner = select(User).where(User.id == caller.user_id).with_for_update()
            user = session.execute(owner).scalar_one()
            parent = session.get_one(ApiKey, caller.key_id)
            _check_room(session, user.id)
            row = ApiKey(
                user_id=user.id,
                prefix=shown_prefix(secret),
                hash=hashed(secret),
                created_at=datetime.now(UTC),
                **granted(wish, parent, role=user.role),
            )
            session.add(row)
            made = event("key.created", actor=user.name, subject=row.prefix)
            session.add(made)
            return NewKey(secret, row)

        return self._database.transact(work)

    def disable(self, caller: Caller, key_id: int) -> bool:
        """Disable a key of the caller's; tells whether there was one."""
        statement = (
            update(ApiKey)
            .where(ApiKey.id == key_id, *_own(caller.user_id))
            .where(ApiKey.disabled_at.is_(None))
            .values(disabled_at=datetime.now(UTC))
        )
        prefix = select(ApiKey.prefix).where(ApiKey.id == key_id)
        with transaction(self._database.sessions) as session:
            changed: Any = session.execute(statement)  # it has a rowcount
            if changed.rowcount:
                subject = session.execute(prefix).scalar_one()
                actor = caller.user_name
                session.add(event("key.revoked", actor=actor, subject=subject))
            return bool(changed.rowcount)


def _own(user_id: int) -> tuple[Any, ...]:  # conditions of SQLAlchemy's
    return ApiKey.user_id == user_id, ApiKey.is_login.is_(False)


def _check_room(session: Transaction, user_id: int) -> None:
    enabled = select(func.count()).select_from(ApiKey).where(*_own(user_id))
    count = session.execute(enabled.where(ApiKey.disabled_at.is_(None))).scalar_one()
    if count >= _MOST:
        raise TooManyKeysError
