"""Keys and their registry, for tests."""

from typing import Any

import orjson
from sqlalchemy import select

from backend.core.db import Database, transaction
from backend.core.key_registry import KeyRegistry
from backend.core.keys import Keys, Scope
from backend.core.models import ApiKey, Event


class Bench:
    """Keys and their registry over one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.keys, self.registry = Keys(database), KeyRegistry(database)

    def make(self, **over: Any) -> tuple[str, ApiKey]:
        values: dict[str, Any] = {
            "user": "ada",
            "name": "laptop",
            "scopes": [Scope.INFERENCE],
            "actor": "root",
        }
        return self.keys.create(**(values | over))

    def events(self) -> list[tuple[str, str, str, Any]]:
        statement = select(Event).order_by(Event.id)
        with transaction(self.database.sessions) as session:
            rows = session.execute(statement).scalars().all()
        return [
            (e.kind, e.actor, e.subject, orjson.loads(e.data) if e.data else None)
            for e in rows
        ]
