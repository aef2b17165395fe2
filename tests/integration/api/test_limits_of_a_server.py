"""Limits of a real server: many callers at once, and what dies in the middle."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.api.container import Services
from backend.core.catalogue import Catalogue
from backend.core.db import Database
from backend.core.jobs.repository.query import JobQuery
from backend.core.keys import Keys, Scope
from backend.core.limits.reconciliation import Reconciled, Reconciliation
from backend.core.limits.reservations import Reservations
from backend.core.redis_client import KeptConnections, connect
from backend.core.schema import upgrade
from backend.core.settings import Settings
from tests.factories import open_test_database
from tests.fakes.api_process import ApiProcess
from tests.integration.api.caller import Api, make_key
from tests.integration.api.server_caller import chat, start
from tests.servers import MariaDbServer, RedisServer

# What `chat` asks for: 12 characters, and as many tokens as there may be.
COST = 3 + 2_048


@pytest.fixture
def server(settings: Settings, ann: Api, tmp_path: Path) -> Iterator[ApiProcess]:
    with start(settings, tmp_path, API_WORKERS="2") as server:
        yield server


def post(url: str, key: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"}
    body = chat("one two more")
    return httpx.post(f"{url}/api/v1/jobs", json=body, headers=headers, timeout=30)


def test_two_hundred_at_once_on_a_budget_for_ten_are_ten(
    server: ApiProcess, services: Services
) -> None:
    for most in (
        {"max_concurrency": 10},
        {"rpm": 10},
        {"tpm": 10 * COST},
        {"daily_tokens": 10 * COST},
    ):
        key = make_key(services, "dan", **most)

        replies = two_hundred(server.url, key)

        assert replies == {(202, None): 10, (429, "rate_limited"): 190}
        limits = services.keys.recognise(key).limits
        assert limits is not None
        at = services.reservations.standing(limits.subjects[0])
        assert (at.requests, at.tokens, at.places) == (10, 10 * COST, 10)
    assert services.query.queued_count(1_000) == 40


def two_hundred(url: str, key: str) -> Counter[tuple[int, str | None]]:
    """Post as many as 50 callers can at once, and so on; count the answers."""
    together = threading.Barrier(50)

    def send(number: int) -> tuple[int, str | None]:
        if number < 50:
            together.wait()
        reply = post(url, key)
        return reply.status_code, reply.json().get("code")

    with ThreadPoolExecutor(50) as pool:
        return Counter(pool.map(send, range(200)))


def test_a_redis_that_hangs_lets_no_limited_key_in_and_soon_says_so(
    settings: Settings, services: Services, ann: Api, tmp_path: Path
) -> None:
    key = make_key(services, "dan", max_concurrency=1_000)
    folder = tmp_path / "redis"
    folder.mkdir()
    url = settings.database_url.get_secret_value()
    with (
        RedisServer(folder) as redis_away,
        ApiProcess(tmp_path, database_url=url, redis_url=redis_away.url()) as server,
    ):
        assert post(server.url, key).status_code == 202
        redis_away.pause()
        refused = post(server.url, key)
        redis_away.resume()
        again = post(server.url, key)

    assert (refused.status_code, refused.json()["code"]) == (503, "queue_unavailable")
    assert refused.headers["Retry-After"] == "5"
    assert refused.elapsed.total_seconds() < 2
    assert again.status_code == 202


def test_an_api_that_dies_before_it_inserted_leaves_nothing_held(
    tmp_path: Path, redis_url: str
) -> None:
    folders = [tmp_path / name for name in ("db", "api")]
    for folder in folders:
        folder.mkdir()
    client: Any = connect(redis_url, timeout_seconds=5)
    with MariaDbServer(folders[0]) as mariadb:
        database = migrated(mariadb)
        key, row = Keys(database).create(
            user="dan", name="x", scopes=[Scope.INFERENCE], max_concurrency=9
        )
        url = database.engine.url.render_as_string(hide_password=False)
        with ApiProcess(folders[1], database_url=url, redis_url=redis_url) as api:
            # From now on it is known, so that a reservation comes before any query.
            first = post(api.url, key)
            mariadb.pause()
            with ThreadPoolExecutor(1) as pool:
                lost = pool.submit(post, api.url, key)
                while client.hlen(f"corral:limits:{row.id}:open") < 2:
                    assert not lost.done()
                api.kill()
            # What stands in its sockets would still be done.
            mariadb.kill()
            mariadb.start()
        kept = KeptConnections(client)
        after = Reservations(kept)
        client.zunionstore("corral:limits:open", {"corral:limits:open": 0})

        found = Reconciliation(after, JobQuery(database), unborn_ms=0).run()
        left = client.hkeys(f"corral:limits:{row.id}:open")
        database.dispose()
    kept.close()
    client.close()

    assert first.status_code == 202
    assert isinstance(lost.exception(), httpx.TransportError)
    assert found == Reconciled(settled=0, released=1, under_way=1)
    assert left == [first.json()["id"].encode()]


def migrated(mariadb: MariaDbServer) -> Database:
    database = open_test_database(mariadb.create_database("corral"))
    upgrade(database)
    Catalogue(database).seed(["tiny-chat:latest"])
    return database
