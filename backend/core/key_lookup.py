"""Who sends a key or a session's token: asked for every request, on a raw cursor.

Nothing that is remembered counts by itself: a disabled key stops at once. Whoever was
recognised before may be taken for the same where the database looks again before
anything is committed (`unchanged`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import orjson

from backend.core.account_errors import (
    DisabledUserError,
    SessionEndedError,
)
from backend.core.accounts.roles import within
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
from backend.core.limits.decision import KeyLimits
from backend.core.scopes import Scope

# One column of text instead of twenty to be described and decoded. Moments are
# compared by the database's clock (JOBS.md 4).
_ROW = (
    "SELECT {hash}CAST(JSON_ARRAY({over},k.scopes,k.allowed_models,k.id,k.name,"
    "k.prefix,k.weight,k.highest_priority,"
    "k.rpm,k.tpm,k.daily_tokens,k.max_concurrency,COALESCE(k.lineage_id,k.id),"
    "k.expires_at,k.expires_at<={now},k.disabled_at,u.id,u.name,u.disabled_at,u.role)"
    " AS CHAR)"
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
    limits: KeyLimits | None
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


def _found(credential: Credential) -> Found:
    session_is_over, scopes, models, *row = orjson.loads(credential.row)
    key_id, name, prefix, weight, highest, *row = row
    *most, lineage_id, end, is_over, off, user_id, user_name, owner_off, role = row
    if owner_off is not None:
        return DisabledUserError()
    if off is not None:
        return DisabledKeyError()
    if is_over:
        return ExpiredKeyError()
    if session_is_over:
        return SessionEndedError()
    allowed, limits = _nested(models), KeyLimits(lineage_id, *most)
    return Caller(
        user_id=user_id,
        user_name=user_name,
        key_id=key_id,
        key_name=name,
        key_prefix=prefix,
        scopes=within(_nested(scopes), role),
        weight=weight,
        highest_priority=Priority.of(highest),
        allowed_models=None if allowed is None else frozenset(allowed),
        limits=limits if limits.any else None,
        expires_at=aware(end),
        credential=credential,
    )


def _nested(value: Any) -> Any:  # whatever JSON holds
    """Read JSON inside of JSON: MySQL embeds it, the others quote it as text."""
    return parsed(value) if isinstance(value, str) else value
