"""Who sends a key or a session's token: asked for every request, on a raw cursor.

Nothing that is remembered counts by itself: a disabled key stops at once. Whoever was
recognised before may be taken for the same where the database looks again before
anything is committed (`unchanged`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import orjson

from backend.core.account_errors import DisabledUserError, SessionEndedError
from backend.core.accounts.roles import within
from backend.core.bounds import common, lower
from backend.core.credential import Credential
from backend.core.db import Database
from backend.core.dialect import Dialect
from backend.core.errors import (
    AppError,
    DisabledKeyError,
    ExpiredKeyError,
    InvalidKeyError,
)
from backend.core.hot_cursor import HotCursor, Statement
from backend.core.jobs.repository.rows import aware, parsed
from backend.core.jobs.states import Priority
from backend.core.limits.decision import Allowance, Limits
from backend.core.scopes import Scope

# One column of text instead of many to be described and decoded. Moments are compared
# by the database's clock (JOBS.md 4).
_ROW = (
    "SELECT {hash}CAST(JSON_ARRAY({over},k.id,k.name,k.prefix,"
    "COALESCE(k.lineage_id,k.id),k.expires_at,k.expires_at<={now},k.disabled_at,"
    "k.scopes,k.allowed_models,k.highest_priority,k.weight,"
    "k.rpm,k.tpm,k.daily_tokens,k.max_concurrency,"
    "u.id,u.name,u.disabled_at,u.role,u.allowed_models,u.highest_priority,u.weight,"
    "u.rpm,u.tpm,u.daily_tokens,u.max_concurrency) AS CHAR)"
)
_OF_KEY = " FROM api_keys k JOIN users u ON u.id=k.user_id WHERE k.hash"
_OF_SESSION = (
    " FROM sessions s JOIN api_keys k ON k.id=s.key_id JOIN users u ON u.id=k.user_id"
    " WHERE s.token_hash"
)


@cache
def _select(dialect: Dialect, *, is_session: bool, with_hash: bool) -> str:
    hash_column = "s.token_hash," if is_session else "k.hash,"
    row = _ROW.format(
        hash=hash_column if with_hash else "",
        over=f"s.expires_at<={dialect.now}" if is_session else "0",
        now=dialect.now,
    )
    return row + (_OF_SESSION if is_session else _OF_KEY)


def unchanged(dialect: Dialect, credential: Credential) -> Statement:
    """Write the condition that what was shown leads to the same row as before."""
    select = _select(dialect, is_session=credential.is_session, with_hash=False)
    return f"({select}=%s)=%s", (credential.hash, credential.row)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling: the key's owner, and what the key allows within what that may."""

    user_id: int
    user_name: str
    key_id: int
    key_name: str
    key_prefix: str
    scopes: frozenset[Scope]
    weight: float
    highest_priority: Priority
    allowed_models: frozenset[str] | None
    limits: Allowance | None
    expires_at: datetime | None
    credential: Credential | None = field(default=None, compare=False)

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


# A refusal is an outcome like any other: one bad key must not make the lookups that
# came with it be done again one by one.
Found = Caller | AppError


class KeyLookup:
    """Looks up the hashes of several requests in one query."""

    def __init__(self, database: Database) -> None:
        """Keep the database, and what is asked in its words."""
        self._database = database

    def keys(self, hashes: Sequence[str]) -> list[Found]:
        """Tell whose keys these are."""
        return self._look_up(hashes, is_session=False)

    def sessions(self, hashes: Sequence[str]) -> list[Found]:
        """Tell whose tokens these are."""
        return self._look_up(hashes, is_session=True)

    def _look_up(self, hashes: Sequence[str], *, is_session: bool) -> list[Found]:
        wanted = list(dict.fromkeys(hashes))
        dialect, marks = self._database.dialect, ",".join(["%s"] * len(wanted))
        select = _select(dialect, is_session=is_session, with_hash=True)

        def work(cursor: HotCursor) -> dict[str, Found]:
            cursor.execute(f"{select} IN ({marks})", wanted)
            rows = cursor.rows()
            return {row[0]: _found(Credential(is_session, *row)) for row in rows}

        found = self._database.read(work)
        return [found.get(one) or _unknown(is_session=is_session) for one in hashes]


def _unknown(*, is_session: bool) -> AppError:
    if is_session:
        return SessionEndedError(
            "No session has this token, or it has ended; log in again."
        )
    return InvalidKeyError()


class _Key(NamedTuple):
    id: int
    name: str
    prefix: str
    lineage_id: int
    expires_at: str | None
    is_over: int | None
    disabled_at: str | None
    scopes: Any  # JSON
    allowed_models: Any  # JSON
    highest_priority: str
    weight: float
    rpm: int | None
    tpm: int | None
    daily_tokens: int | None
    max_concurrency: int | None


class _User(NamedTuple):
    id: int
    name: str
    disabled_at: str | None
    role: str
    allowed_models: Any  # JSON
    highest_priority: str
    weight: float
    rpm: int | None
    tpm: int | None
    daily_tokens: int | None
    max_concurrency: int | None


_KEYS = len(_Key._fields)


def _found(credential: Credential) -> Found:
    session_is_over, *row = orjson.loads(credential.row)
    key, user = _Key(*row[:_KEYS]), _User(*row[_KEYS:])
    if user.disabled_at is not None:
        return DisabledUserError()
    if key.disabled_at is not None:
        return DisabledKeyError()
    if key.is_over:
        return ExpiredKeyError()
    if session_is_over:
        return SessionEndedError()
    return _caller(key, user, credential)


def _caller(key: _Key, user: _User, credential: Credential) -> Caller:
    """Give what a key allows within what its user may."""
    models = common(_nested(key.allowed_models), _nested(user.allowed_models))
    highest = lower(key.highest_priority, user.highest_priority)
    return Caller(
        user_id=user.id,
        user_name=user.name,
        key_id=key.id,
        key_name=key.name,
        key_prefix=key.prefix,
        scopes=within(_nested(key.scopes), user.role),
        weight=key.weight * user.weight,
        highest_priority=Priority.of(highest),
        allowed_models=None if models is None else frozenset(models),
        limits=_allowance(key, user),
        expires_at=aware(key.expires_at),
        credential=credential,
    )


def _allowance(key: _Key, user: _User) -> Allowance | None:
    of_key, of_user = Limits(*key[-4:]), Limits(*user[-4:])
    if of_user.any:
        return Allowance(key.lineage_id, of_key, user.id, of_user)
    return Allowance(key.lineage_id, of_key) if of_key.any else None


def _nested(value: Any) -> Any:  # whatever JSON holds
    """Read JSON inside of JSON: MySQL embeds it, the others quote it as text."""
    return parsed(value) if isinstance(value, str) else value
