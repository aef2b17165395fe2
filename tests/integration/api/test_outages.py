"""What the API says while a part of the platform is away: down is never empty."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.api.container import Services
from backend.core.db import Database
from backend.core.keys import Keys, Scope
from backend.core.models import ApiKey
from backend.core.schema import upgrade
from backend.core.settings import Settings
from tests.factories import open_test_database, settings_for
from tests.fakes.api_process import ApiProcess
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import Api
from tests.integration.api.server_caller import CHAT_LANE, chat, headers_of
from tests.integration.api.sse import joined_text, read_events
from tests.servers import MariaDbServer, RedisServer


@pytest.fixture
def redis_away(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "redis"
    folder.mkdir()
    with RedisServer(folder) as server:
        yield server


@pytest.fixture
def server(
    ann: Api, settings: Settings, redis_away: RedisServer, tmp_path: Path
) -> Iterator[ApiProcess]:
    """Give an API whose Redis may go away without disturbing others."""
    process = ApiProcess(
        tmp_path,
        database_url=settings.database_url.get_secret_value(),
        redis_url=redis_away.url(),
    )
    with process:
        yield process


def post(server: ApiProcess, api: Api, **headers: str) -> httpx.Response:
    return httpx.post(
        f"{server.url}/api/v1/jobs",
        json=chat("one two three"),
        headers=headers_of(api, **headers),
        timeout=20,
    )


def test_rule_11_without_redis_jobs_are_accepted_and_served_from_the_database(
    server: ApiProcess,
    ann: Api,
    redis_away: RedisServer,
    settings: Settings,
    database: Database,
) -> None:
    redis_away.kill()

    accepted = post(server, ann)
    ready = httpx.get(f"{server.url}/health/ready", timeout=5)
    models = httpx.get(f"{server.url}/api/v1/models", headers=headers_of(ann))
    nodes = httpx.get(f"{server.url}/api/v1/nodes", headers=headers_of(ann))
    with FakeWorker(settings, database, lanes=CHAT_LANE):
        streamed = post(server, ann, Accept="text/event-stream")
        waited = post(server, ann, Prefer="wait=20")

    assert accepted.status_code == 202
    assert accepted.elapsed.total_seconds() < 2
    assert ready.status_code == 503
    assert ready.json()["checks"]["database"] == "ok"
    assert ready.json()["checks"]["redis"] != "ok"
    assert {model["state"] for model in models.json()["data"]} == {"on_disk"}
    assert (nodes.status_code, nodes.json()["code"]) == (503, "queue_unavailable")
    assert joined_text(read_events(streamed.text)) == "one two three "
    assert waited.status_code == 200
    assert waited.json()["state"] == "succeeded"


def test_rule_11_a_key_with_limits_is_refused_while_they_cannot_be_checked(
    server: ApiProcess, ann: Api, redis_away: RedisServer, services: Services
) -> None:
    with services.database.sessions() as session, session.begin():
        session.query(ApiKey).update({"rpm": 60})
    before = post(server, ann)
    redis_away.kill()

    after = post(server, ann)

    assert before.status_code == 202
    assert (after.status_code, after.json()["code"]) == (503, "queue_unavailable")
    assert int(after.headers["Retry-After"]) > 0


def test_an_api_whose_redis_comes_back_streams_as_before(
    server: ApiProcess,
    ann: Api,
    redis_away: RedisServer,
    settings: Settings,
    database: Database,
) -> None:
    post(server, ann)
    redis_away.restart()
    own: Any = {"redis_url": redis_away.url()}

    with FakeWorker(
        settings_for(settings.database_url.get_secret_value(), **own),
        database,
        lanes=CHAT_LANE,
    ):
        events = read_events(post(server, ann, Accept="text/event-stream").text)

    assert joined_text(events) == "one two three "
    assert events[-1].id is not None


def test_without_its_database_the_api_says_so_and_recovers(
    tmp_path: Path, redis_url: str
) -> None:
    folders = [tmp_path / name for name in ("db", "api")]
    for folder in folders:
        folder.mkdir()
    with MariaDbServer(folders[0]) as mariadb:
        url = mariadb.create_database("corral")
        database = open_test_database(url)
        upgrade(database)
        key, _ = Keys(database).create(user="ann", name="x", scopes=list(Scope))
        database.dispose()
        with ApiProcess(folders[1], database_url=url, redis_url=redis_url) as api:
            headers = {"Authorization": f"Bearer {key}"}
            me = f"{api.url}/api/v1/me"
            before = httpx.get(me, headers=headers, timeout=20)
            mariadb.kill()
            away = httpx.get(me, headers=headers, timeout=20)
            ready = httpx.get(f"{api.url}/health/ready", timeout=20)
            live = httpx.get(f"{api.url}/health/live", timeout=20)
            mariadb.start()
            after = httpx.get(me, headers=headers, timeout=20)

    assert before.status_code == after.status_code == 200
    assert (away.status_code, away.json()["code"]) == (503, "database_unavailable")
    assert int(away.headers["Retry-After"]) > 0
    assert ready.json()["checks"]["database"] == "database_unavailable"
    assert live.status_code == 200
