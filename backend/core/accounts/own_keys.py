"""Keys that users make for themselves: never more than the key they come with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session as Transaction

from backend.core.account_errors import TooManyKeysError
from backend.core.accounts.grant import KeyWish, granted
from backend.core.audit import event
from backend.core.db import Database, transaction
from backend.core.errors import (
    DisabledKeyError,
    InvalidKeyError,
    ScopeMissingError,
)
from backend.core.key_families import disable
from backend.core.key_lookup import Caller
from backend.core.keys import new_key, shown_prefix
from backend.core.models import ApiKey, User
from backend.core.scopes import Scope
from backend.core.secret_hash import hashed

# Each is a row to look at; nobody needs so many.
_MOST = 100


@dataclass(frozen=True, slots=True)
class MadeKey:
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

    def create(self, caller: Caller, wish: KeyWish) -> MadeKey:
        """Make a key.

        Raises:
            InvalidRequestError: If it would be more than the caller's own key or role.
            TooManyKeysError: If the user has as many as anybody may have.
            InvalidKeyError, DisabledKeyError: If the caller's key was ended meanwhile.
        """
        secret = new_key()

        def work(session: Transaction) -> MadeKey:
            user, parent = _maker(session, caller)
            _check_room(session, user.id)
            row = ApiKey(
                user_id=user.id,
                prefix=shown_prefix(secret),
                hash=hashed(secret),
                created_at=datetime.now(UTC),
                **granted(wish, parent, user),
            )
            session.add(row)
            made = event("key.created", actor=user.name, subject=row.prefix)
            session.add(made)
            return MadeKey(secret, row)

        return self._database.transact(work)

    def disable(self, caller: Caller, key_id: int) -> bool:
        """Disable a key of the caller's, with all that was made with it.

        Tells whether there was one.

        Raises:
            ScopeMissingError: If that key is for more than the one that was sent.
        """

        def work(session: Transaction) -> bool:
            session.get(User, caller.user_id, with_for_update=True)
            enabled = (*_own(caller.user_id), ApiKey.disabled_at.is_(None))
            found = select(ApiKey).where(ApiKey.id == key_id, *enabled)
            row = session.execute(found.with_for_update()).scalar_one_or_none()
            if row is None:
                return False
            if not all(caller.has(Scope(scope)) for scope in row.scopes):
                raise ScopeMissingError(
                    "That key is for more than the one you sent: log in to disable it."
                )
            disable(session, row, datetime.now(UTC), actor=caller.user_name)
            return True

        return self._database.transact(work)


def _maker(session: Transaction, caller: Caller) -> tuple[User, ApiKey]:
    """Read again who makes a key with which; both stay as they are until it is made.

    Whatever changes, ends or narrows them has to wait, and then finds the new key.
    """
    user = session.get(User, caller.user_id, with_for_update=True)
    parent = session.get(ApiKey, caller.key_id)
    if user is None or parent is None:
        raise InvalidKeyError
    if parent.disabled_at is not None:
        raise DisabledKeyError
    return user, parent


def _own(user_id: int) -> tuple[Any, ...]:  # conditions of SQLAlchemy's
    return ApiKey.user_id == user_id, ApiKey.is_login.is_(False)


def _check_room(session: Transaction, user_id: int) -> None:
    enabled = select(func.count()).select_from(ApiKey).where(*_own(user_id))
    count = session.execute(enabled.where(ApiKey.disabled_at.is_(None))).scalar_one()
    if count >= _MOST:
        raise TooManyKeysError
