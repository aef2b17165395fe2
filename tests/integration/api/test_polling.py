"""Events of a job, asked for by polling."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from backend.api.schemas.views.events import EventsPage
from backend.core.db import Database
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import Api, said, submit, waited


def test_polling_gives_the_events_after_a_place(ann: Api, worker: FakeWorker) -> None:
    job_id = waited(ann, request=said("one two")).json["id"]

    first = ann.get(f"/api/v1/jobs/{job_id}/tokens").json
    page = EventsPage.model_validate(first)
    again = ann.get(f"/api/v1/jobs/{job_id}/tokens?after={page.next}").json

    assert page.state == "succeeded"
    assert (page.events[0].event, page.events[-1].event) == ("state", "end")
    assert again is not None
    assert not [e for e in again["events"] if e["event"] == "tokens"]


def test_polling_waits_for_the_first_event(
    ann: Api, settings: Any, database: Database
) -> None:
    job_id = submit(ann)
    lanes = ("gen:tiny-chat:latest",)

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ann.get, f"/api/v1/jobs/{job_id}/tokens?wait=20000")
        with FakeWorker(settings, database, lanes=lanes):
            page = asked.result().json

    assert page is not None
    assert len(page["events"]) > 0


def test_polling_without_news_gives_the_state_and_the_same_place(ann: Api) -> None:
    job_id = submit(ann)

    page = ann.get(f"/api/v1/jobs/{job_id}/tokens?wait=100").json

    assert page is not None
    assert (page["state"], page["next"]) == ("queued", "0-0")
    assert [event["event"] for event in page["events"]] == ["state"]
    assert page["events"][0]["data"]["position"] == 1
