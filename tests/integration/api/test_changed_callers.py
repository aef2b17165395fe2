"""A caller whose key ends while its request is looked at, where none is remembered."""

from dataclasses import replace
from typing import Any, cast

import pytest

from backend.api import create_app
from backend.api.container import Services
from backend.core.db import Database
from backend.core.key_registry import KeyRegistry
from backend.core.keys import Caller, Keys, Scope
from backend.core.names import node_lane
from backend.core.settings import Settings
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import Api, make_key


class Fleeting(Keys):
    """Keys each of which ends the moment that it was recognised."""

    def recognise(self, secret: str) -> Caller:
        caller = super().recognise(secret)
        (found,) = [row for row, _ in self.list_all() if row.id == caller.key_id]
        KeyRegistry(self._database).disable(found.prefix, actor="root")
        return caller


@pytest.fixture
def root(services: Services) -> Api:
    """Give an administrator whose key ends with each request that it lets in."""
    fleeting = replace(services, keys=Fleeting(services.database))
    client = create_app(services.settings, fleeting).test_client()
    return Api(client, make_key(services, "root", *Scope))


@pytest.mark.parametrize("stream", [False, True])
def test_a_pull_is_of_who_its_caller_was_when_it_came(
    root: Api, settings: Settings, database: Database, *, stream: bool
) -> None:
    body: dict[str, Any] = {"model": "tiny-chat", "stream": stream}

    with FakeWorker(settings, database, lanes=(node_lane("local"),)):
        reply = root.post("/api/pull", json=body)

    assert cast("str", reply.text).rstrip().endswith('{"status":"success"}')
    assert reply.status_code == 200
    assert root.post("/api/pull", json=body).status_code == 401
