"""Sessions: opaque tokens that stand for a key until they end.

A session that is ended keeps its row until retention takes it, so that its token is
told what happened. The database's clock ends it (JOBS.md 4).
"""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, literal_column, select, update
from sqlalchemy.orm import Session as Transaction

from backend.core.dialect import Dialect
from backend.core.models import ApiKey, Session, UtcDateTime
from backend.core.secret_hash import hashed

SESSION_PREFIX = "session-"


def add_session(
    session: Transaction, key_id: int, *, lifetime_ms: int
) -> tuple[str, datetime]:
    """Open a session; gives its token, which is shown once, and its end."""
    token = SESSION_PREFIX + secrets.token_urlsafe(32)
    now = datetime.now(UTC)
    ends = now + timedelta(milliseconds=lifetime_ms)
    session.add(
        Session(
            token_hash=hashed(token), key_id=key_id, created_at=now, expires_at=ends
        )
    )
    return token, ends


def end_session(session: Transaction, dialect: Dialect, token: str) -> bool:
    """End a session; tells whether there was one."""
    now = _now(dialect)
    statement = (
        update(Session)
        .where(Session.token_hash == hashed(token), Session.expires_at > now)
        .values(expires_at=now)
        .execution_options(synchronize_session=False)
    )
    ended: Any = session.execute(statement)  # a CursorResult, which has rowcount
    return bool(ended.rowcount)


def end_sessions_of(
    session: Transaction, dialect: Dialect, user_id: int, *, but: str = ""
) -> None:
    """End all sessions of a user, but the one whose token is given."""
    now = _now(dialect)
    keys = select(ApiKey.id).where(ApiKey.user_id == user_id)
    session.execute(
        update(Session)
        .where(Session.key_id.in_(keys), Session.expires_at > now)
        .where(Session.token_hash != hashed(but))
        .values(expires_at=now)
        .execution_options(synchronize_session=False)
    )


def _now(dialect: Dialect) -> ColumnElement[datetime]:
    return literal_column(dialect.now.replace("%%", "%"), UtcDateTime())
