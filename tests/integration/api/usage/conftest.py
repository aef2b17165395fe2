"""Calls of two users."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from backend.api.container import Services
from backend.core.db import Database
from tests.integration.api.caller import Api
from tests.integration.api.usage.told import HOUR
from tests.integration.core.calls import call, ended

Kept = Callable[..., list[str]]


@pytest.fixture
def users(services: Services, ann: Api, bob: Api) -> dict[str, tuple[int, int, str]]:
    """Give each user's id, key and the key's prefix."""
    return {
        user.name: (user.id, key.id, key.prefix)
        for key, user in services.keys.list_all()
    }


@pytest.fixture
def kept(database: Database, users: dict[str, tuple[int, int, str]]) -> Kept:
    """Give what commits calls of users, oldest first."""

    def keep(*rows: tuple[str, dict[str, Any]]) -> list[str]:
        return ended(
            database,
            *[
                call(
                    HOUR + timedelta(minutes=number),
                    **{"owner_id": users[name][0], "key_id": users[name][1]} | over,
                )
                for number, (name, over) in enumerate(rows)
            ],
        )

    return keep
