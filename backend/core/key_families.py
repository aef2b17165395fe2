"""Keys that their users made with a key: what ends or narrows it counts for them, too.

A key may leak, and whoever has it may make others with it. So each key knows the one
that it was made with (`made_with`). A key's successor has its predecessors' place: what
was made with them counts as made with it. Whoever changes keys holds their user's row,
so that none is made meanwhile.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.core.audit import event
from backend.core.bounds import bounded
from backend.core.models import ApiKey, Event


def made_with(key: ApiKey, keys: Sequence[ApiKey]) -> list[ApiKey]:
    """List what was made with a key or a predecessor of it, and with those, and so on.

    Args:
        key: It.
        keys: All of its user's, oldest first: none is made with a younger one.
    """
    makers, found = _with_predecessors(key, keys), []
    for one in keys:
        if one.made_with in makers:
            makers.add(one.id)
            found.append(one)
    return found


def _with_predecessors(key: ApiKey, keys: Sequence[ApiKey]) -> set[int]:
    chain, older = {key.id}, key.rotated_from
    for one in reversed(keys):
        if one.id == older:
            chain.add(one.id)
            older = one.rotated_from
    return chain


def disable(session: Session, key: ApiKey, at: datetime, *, actor: str) -> None:
    """Disable a key and all that was made with it."""
    if key.disabled_at is None:
        key.disabled_at = at
        session.add(event("key.disabled", actor=actor, subject=key.prefix))
    disable_made_with(session, key, at, actor=actor)


def disable_made_with(
    session: Session, key: ApiKey, at: datetime, *, actor: str
) -> None:
    """Disable all that was made with a key."""
    for one in _family(session, key):
        if one.disabled_at is None:
            one.disabled_at = at
            session.add(_with(key, "key.disabled", one, actor))


def narrow(
    session: Session, key: ApiKey, changed: Mapping[str, Any], *, actor: str
) -> None:
    """Let what was made with a key have no more than what changed of it leaves."""
    for one in _family(session, key):
        own = {name: getattr(one, name) for name in changed}
        less = bounded(own, changed)
        for name, value in less.items():
            setattr(one, name, value)
        if less:
            session.add(_with(key, "key.updated", one, actor, **less))
        disable_if_useless(session, one, actor=actor)


def disable_if_useless(session: Session, key: ApiKey, *, actor: str) -> None:
    """Disable a key that was left without a scope."""
    if not key.scopes and key.disabled_at is None:
        key.disabled_at = datetime.now(UTC)
        session.add(event("key.disabled", actor=actor, subject=key.prefix))


def _family(session: Session, key: ApiKey) -> list[ApiKey]:
    statement = select(ApiKey).where(ApiKey.user_id == key.user_id).order_by(ApiKey.id)
    return made_with(key, session.execute(statement).scalars().all())


def _with(key: ApiKey, kind: str, made: ApiKey, actor: str, **more: Any) -> Event:
    return event(kind, actor=actor, subject=made.prefix, made_with=key.prefix, **more)
