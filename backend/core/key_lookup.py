"""Who sends a key or a session's token: read for every request, so on a raw cursor.

Nothing is cached: a disabled key stops at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson

from backend.core.db import Database
from backend.core.errors import (
    AppError,
    DisabledKeyError,
    ExpiredKeyError,
    InvalidKeyError,
)
from backend.core.hot_cursor import HotCursor
from backend.core.jobs.repository.rows import aware, parsed
from backend.core.jobs.states import Priority

# One column of text instead of twelve to be described and decoded. Moments are compared
# by the database's clock (JOBS.md 4).
_COLUMNS = (
    "k.scopes,k.allowed_models,JSON_ARRAY(k.id,k.name,k.prefix,k.weight,"
    "k.highest_priority,COALESCE(k.rpm,k.tpm,k.daily_tokens,k.max_concurrency),"
    "k.expires_at,k.expires_at<={now},k.disabled_at,u.id,u.name,u.disabled_at)"
)
_KEYS = (
    f"SELECT k.hash,NULL,{_COLUMNS} FROM api_keys k JOIN users u ON u.id=k.user_id"
    " WHERE k.hash IN"
)
_SESSIONS = (
    f"SELECT s.token_hash,s.expires_at<={{now}},{_COLUMNS} FROM sessions s"
    " JOIN api_keys k ON k.id=s.key_id JOIN users u ON u.id=k.user_id"
    " WHERE s.token_hash IN"
)


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


# A refusal is an outcome like any other: one bad key must not make the lookups that
# came with it be done again one by one.
Found = Caller | AppError


class KeyLookup:
    """Looks up the hashes of several requests in one query."""

    def __init__(self, database: Database) -> None:
        """Keep the database, and what is asked in its words."""
        self._database = database
        self._keys = _KEYS.format(now=database.dialect.now)
        self._sessions = _SESSIONS.format(now=database.dialect.now)

    def keys(self, hashes: Sequence[str]) -> list[Found]:
        """Tell whose keys these are."""
        return self._look_up(self._keys, hashes)

    def sessions(self, hashes: Sequence[str]) -> list[Found]:
        """Tell whose tokens these are."""
        return self._look_up(self._sessions, hashes)

    def _look_up(self, select: str, hashes: Sequence[str]) -> list[Found]:
        wanted = list(dict.fromkeys(hashes))

        def work(cursor: HotCursor) -> dict[str, Found]:
            cursor.execute(f"{select} ({','.join(['%s'] * len(wanted))})", wanted)
            return {row[0]: _found(row[1:]) for row in cursor.rows()}

        found = self._database.read(work)
        return [found.get(one) or InvalidKeyError() for one in hashes]


def _found(row: tuple[Any, ...]) -> Found:
    session_is_over, scopes, models, key = row
    key_id, name, prefix, weight, highest, limit, end, is_over, off, *owner = (
        orjson.loads(key)
    )
    user_id, user_name, owner_off = owner
    if off is not None or owner_off is not None:
        return DisabledKeyError()
    if is_over:
        return ExpiredKeyError()
    if session_is_over:
        return ExpiredKeyError("The session has ended; log in again.")
    allowed = parsed(models)
    return Caller(
        user_id=user_id,
        user_name=user_name,
        key_id=key_id,
        key_name=name,
        key_prefix=prefix,
        scopes=frozenset(map(Scope, parsed(scopes))),
        weight=weight,
        highest_priority=Priority.of(highest),
        allowed_models=None if allowed is None else frozenset(allowed),
        limited=limit is not None,
        expires_at=aware(end),
    )
