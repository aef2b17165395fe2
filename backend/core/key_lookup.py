"""Who sends a key or a session's token: read for every request, so on a raw cursor.

Nothing is cached: a disabled key stops at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
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

# One column of text instead of eleven to be described and decoded.
_COLUMNS = (
    "k.scopes,k.allowed_models,JSON_ARRAY(k.id,k.name,k.prefix,k.weight,"
    "k.highest_priority,COALESCE(k.rpm,k.tpm,k.daily_tokens,k.max_concurrency),"
    "k.expires_at,k.disabled_at,u.id,u.name,u.disabled_at)"
)
_KEYS = f"SELECT k.hash,NULL,{_COLUMNS} FROM api_keys k JOIN users u ON u.id=k.user_id"
_SESSIONS = (
    f"SELECT s.token_hash,s.expires_at,{_COLUMNS} FROM sessions s"
    " JOIN api_keys k ON k.id=s.key_id JOIN users u ON u.id=k.user_id"
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
        """Keep the database."""
        self._database = database

    def keys(self, hashes: Sequence[str]) -> list[Found]:
        """Tell whose keys these are."""
        return self._look_up(f"{_KEYS} WHERE k.hash IN", hashes)

    def sessions(self, hashes: Sequence[str]) -> list[Found]:
        """Tell whose tokens these are."""
        return self._look_up(f"{_SESSIONS} WHERE s.token_hash IN", hashes)

    def _look_up(self, select: str, hashes: Sequence[str]) -> list[Found]:
        wanted = list(dict.fromkeys(hashes))

        def work(cursor: HotCursor) -> dict[str, Found]:
            cursor.execute(f"{select} ({','.join(['%s'] * len(wanted))})", wanted)
            return {row[0]: _found(row[1:]) for row in cursor.rows()}

        found = self._database.read(work)
        return [found.get(one) or InvalidKeyError() for one in hashes]


def _found(row: tuple[Any, ...]) -> Found:
    session_end, scopes, models, key = aware(row[0]), *row[1:]
    caller, is_disabled = _caller(parsed(scopes), parsed(models), orjson.loads(key))
    now = datetime.now(UTC)
    if is_disabled:
        return DisabledKeyError()
    if caller.expires_at is not None and caller.expires_at <= now:
        return ExpiredKeyError()
    if session_end is not None and session_end <= now:
        return ExpiredKeyError("The session has ended; log in again.")
    return caller


def _caller(
    scopes: Sequence[str], models: Sequence[str] | None, key: Sequence[Any]
) -> tuple[Caller, bool]:
    key_id, name, prefix, weight, highest, limit, end, off, *owner, owner_off = key
    caller = Caller(
        user_id=owner[0],
        user_name=owner[1],
        key_id=key_id,
        key_name=name,
        key_prefix=prefix,
        scopes=frozenset(map(Scope, scopes)),
        weight=weight,
        highest_priority=Priority.of(highest),
        allowed_models=None if models is None else frozenset(models),
        limited=limit is not None,
        expires_at=aware(end),
    )
    return caller, off is not None or owner_off is not None
