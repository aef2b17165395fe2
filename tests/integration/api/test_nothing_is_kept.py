"""PAYLOAD_RETENTION=0: what one reader was sent whole is gone (JOBS.md 29)."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.api import create_app
from backend.api.container import Services, close
from backend.core.db import Database
from backend.core.identifiers import uuid7
from backend.core.settings import Settings
from backend.core.streams.frames import stream_key
from tests.factories import settings_for
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import Api, make_key
from tests.integration.api.conftest import LANES, MODELS
from tests.integration.api.server_caller import headers_of, start


@pytest.fixture
def keeping_nothing(settings: Settings, database: Database) -> Iterator[Any]:
    urls = (settings.database_url, settings.redis_url)
    app = create_app(
        settings_for(
            urls[0].get_secret_value(),
            redis_url=urls[1].get_secret_value(),
            payload_retention=0,
        )
    )
    services: Services = app.extensions["corral"]
    services.catalogue.record_installed("local", MODELS)
    with FakeWorker(settings, database, lanes=LANES):
        yield app
    close(services)


def by_waiting(api: Api) -> str:
    reply = api.submit(headers={"Prefer": "wait=20"})
    assert reply.json is not None
    assert reply.json["result"] is not None
    reply.close()
    return str(reply.json["id"])


def by_streaming(api: Api) -> str:
    reply = api.submit(headers={"Accept": "text/event-stream"})
    assert "event: end" in reply.text
    return reply.headers["Location"].rsplit("/", 1)[-1]


def begun(api: Api) -> str:
    """Submit until the answer comes before the job is done, which would be read."""
    while (reply := api.submit()).status_code != 202:
        pass
    return str(reply.json["id"])


def by_polling(api: Api) -> str:
    job_id = begun(api)
    after, events = "0-0", [""]
    while events[-1] != "end":
        page = api.get(f"/api/v1/jobs/{job_id}/tokens?wait=20000&after={after}").json
        assert page is not None
        after, events = page["next"], [event["event"] for event in page["events"]]
    return job_id


def by_asking_again(api: Api) -> str:
    headers = {"Idempotency-Key": "once"}
    while (first := api.submit(headers=headers)).status_code != 202:
        # It was done so soon that it was read at once.
        headers = {"Idempotency-Key": uuid7()}
    job_id = str(first.json["id"])
    while (again := api.submit(headers=headers)).status_code == 202:
        time.sleep(0.02)
    assert again.json["id"] == job_id
    assert again.json["result"] is not None
    return job_id


def finished(api: Api) -> str:
    """Have a job done that nobody has read."""
    job_id = begun(api)
    path = "/api/v1/jobs?state=succeeded"
    while job_id not in [job["id"] for job in api.get(path).json["data"]]:  # type: ignore[index]  # a list
        time.sleep(0.02)
    return job_id


@pytest.mark.parametrize(
    "read", [by_waiting, by_streaming, by_polling, by_asking_again]
)
def test_a_result_goes_when_one_reader_was_sent_it(
    keeping_nothing: Any, read: Callable[[Api], str]
) -> None:
    services: Services = keeping_nothing.extensions["corral"]
    api = Api(keeping_nothing.test_client(), make_key(services, "ann"))

    job_id = read(api)

    job = api.get(f"/api/v1/jobs/{job_id}").json
    events = api.get(f"/api/v1/jobs/{job_id}/events")
    assert job is not None
    assert (job["state"], job["result"]) == ("succeeded", None)
    assert (events.status_code, events.json["code"]) == (410, "payload_expired")
    assert services.redis.exists(stream_key(job_id)) == 0


def test_rule_29_a_look_at_the_head_is_no_reading(keeping_nothing: Any) -> None:
    services: Services = keeping_nothing.extensions["corral"]
    api = Api(keeping_nothing.test_client(), make_key(services, "ann"))
    path = f"/api/v1/jobs/{finished(api)}"

    for what in ("", "/events", "/tokens"):
        api("HEAD", path + what).close()

    reply = api.get(path)
    first, second = reply.json, api.get(path).json
    assert reply.headers["Content-Length"] == str(len(reply.data))
    assert first is not None
    assert second is not None
    assert first["result"] is not None
    assert second["result"] is None


@pytest.mark.parametrize("what", ["", "/tokens"])
def test_rule_29_a_result_that_could_not_be_written_stays(
    keeping_nothing: Any, what: str
) -> None:
    services: Services = keeping_nothing.extensions["corral"]
    api = Api(keeping_nothing.test_client(), make_key(services, "ann"))
    path = f"/api/v1/jobs/{finished(api)}"

    # The server takes the body, cannot write it, and closes it.
    cut = api.get(path + what, buffered=False)
    next(iter(cut.response))
    cut.close()

    job = api.get(path).json
    assert job is not None
    assert job["result"] is not None


def test_rule_29_the_server_asks_for_more_once_it_has_written(
    ann: Api, worker: FakeWorker, settings: Settings, tmp_path: Path
) -> None:
    path = f"/api/v1/jobs/{finished(ann)}"

    with start(settings, tmp_path, PAYLOAD_RETENTION="0") as server:
        url, headers = server.url + path, headers_of(ann)
        head = httpx.head(url, headers=headers)
        first, second = (httpx.get(url, headers=headers) for _ in range(2))

    assert head.headers["Content-Length"] == str(len(first.content))
    assert first.json()["result"] is not None
    assert second.json()["result"] is None


def test_a_result_stays_while_the_job_is_only_accepted(keeping_nothing: Any) -> None:
    services: Services = keeping_nothing.extensions["corral"]
    api = Api(keeping_nothing.test_client(), make_key(services, "ann"))

    job_id = api.submit().json["id"]

    tokens = api.get(f"/api/v1/jobs/{job_id}/tokens?wait=20000")
    assert tokens.status_code == 200
