"""Jobs over HTTP: submit, wait, read, list, cancel, replay."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from backend.api.container import Services
from backend.api.schemas.views.events import EventsPage
from backend.api.schemas.views.jobs import JobList, JobView
from backend.core.db import Database
from backend.core.jobs.states import Priority
from backend.core.keys import Scope
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import CHAT, Api, make_key


def said(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


def submit(api: Api, **over: Any) -> str:
    reply = api.submit(**over)
    assert reply.status_code == 202
    assert reply.json is not None
    return str(reply.json["id"])


def waited(api: Api, **over: Any) -> Any:
    return api.submit(headers={"Prefer": "wait=20"}, **over)


def test_a_job_is_accepted_with_its_address_state_and_place(ann: Api) -> None:
    submit(ann)

    reply = ann.submit(metadata={"mine": "1"})

    assert reply.status_code == 202
    job = JobView.model_validate(reply.json)
    assert reply.headers["Location"] == job.links.self == f"/api/v1/jobs/{job.id}"
    assert (job.state, job.position, job.metadata) == ("queued", 2, {"mine": "1"})


def test_a_caller_that_waits_gets_the_finished_job(
    ann: Api, worker: FakeWorker
) -> None:
    reply = waited(ann, request=said("hello big world"))

    assert reply.status_code == 200
    assert reply.headers["Preference-Applied"] == "wait=20"
    job = JobView.model_validate(reply.json)
    assert job.state == "succeeded"
    assert reply.json["result"]["message"]["content"] == "hello big world "
    assert reply.headers["Location"] == f"/api/v1/jobs/{job.id}"


def test_a_caller_that_waited_long_enough_gets_202(ann: Api) -> None:
    reply = ann.submit(headers={"Prefer": "respond-async, wait=1"})

    assert reply.status_code == 202
    assert reply.json is not None
    assert (reply.json["state"], reply.json["position"]) == ("queued", 1)


def test_a_preference_that_makes_no_sense_is_ignored(ann: Api) -> None:
    reply = ann.submit(headers={"Prefer": "wait=soon"})

    assert reply.status_code == 202
    assert "Preference-Applied" not in reply.headers


@pytest.mark.parametrize(
    ("over", "result"),
    [
        (
            {"kind": "generate", "request": {"prompt": "once upon"}},
            {"text": "once upon ", "done_reason": "stop"},
        ),
        (
            {
                "kind": "embed",
                "model": "tiny-embed",
                "request": {"input": ["a", "b"]},
            },
            {"embeddings": [[0.5, 0.25], [0.5, 0.25]]},
        ),
    ],
)
def test_each_kind_has_its_result(
    ann: Api, worker: FakeWorker, over: dict[str, Any], result: dict[str, Any]
) -> None:
    assert waited(ann, **over).json["result"] == result


def test_a_failed_job_says_why(ann: Api, worker: FakeWorker) -> None:
    reply = waited(ann, request=said("please fail"))

    assert reply.status_code == 200
    job = JobView.model_validate(reply.json)
    assert job.state == "failed"
    assert job.error is not None
    assert job.error.code == "upstream_error"


def test_a_single_job_has_its_request_and_a_list_has_not(ann: Api) -> None:
    job_id = submit(ann, request=CHAT | {"think": None, "options": {"seed": 1}})

    single = ann.get(f"/api/v1/jobs/{job_id}").json
    listed = ann.get("/api/v1/jobs").json

    assert single is not None
    assert single["request"] == CHAT | {"options": {"seed": 1}}
    assert JobView.model_validate(single).position == 1
    page = JobList.model_validate(listed)
    assert [job.id for job in page.data] == [job_id]
    assert page.data[0].request is None
    assert page.data[0].position == 1


def test_a_list_is_walked_by_its_cursor_newest_first(ann: Api) -> None:
    made = [submit(ann) for _ in range(5)]

    seen: list[str] = []
    after = ""
    while True:
        page = ann.get(f"/api/v1/jobs?limit=2{after}").json
        assert page is not None
        seen += [job["id"] for job in page["data"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"

    assert seen == made[::-1]


def test_a_list_is_narrowed(ann: Api) -> None:
    chat = submit(ann)
    embed = submit(ann, kind="embed", model="tiny-embed", request={"input": "x"})
    ann.post(f"/api/v1/jobs/{chat}/cancel")

    def found(query: str) -> list[str]:
        page = ann.get(f"/api/v1/jobs?{query}").json
        assert page is not None
        return [job["id"] for job in page["data"]]

    assert found("state=cancelled") == found("kind=chat") == [chat]
    assert found("model=Tiny-Embed") == [embed]
    assert found("created_before=2020-01-01T00:00:00Z") == []
    assert len(found("created_after=2020-01-01T00:00:00Z")) == 2


def test_a_queued_job_is_cancelled_at_once_and_again_without_harm(ann: Api) -> None:
    job_id = submit(ann)

    first = ann.post(f"/api/v1/jobs/{job_id}/cancel")
    second = ann.post(f"/api/v1/jobs/{job_id}/cancel")

    assert first.status_code == second.status_code == 200
    assert first.json is not None
    assert first.json["state"] == "cancelled"


def test_a_job_that_has_ended_cannot_be_cancelled(ann: Api, worker: FakeWorker) -> None:
    job_id = waited(ann).json["id"]

    reply = ann.post(f"/api/v1/jobs/{job_id}/cancel")

    assert (reply.status_code, reply.json["code"]) == (409, "job_is_final")


def test_a_failed_job_is_replayed_as_a_new_one_by_administrators(
    ann: Api, admin: Api, worker: FakeWorker
) -> None:
    old = waited(ann, request=said("fail")).json["id"]

    refused = ann.post(f"/api/v1/jobs/{old}/replay")
    reply = admin.post(f"/api/v1/jobs/{old}/replay")

    assert (refused.status_code, refused.json["code"]) == (403, "scope_missing")
    assert reply.status_code == 202
    again = JobView.model_validate(reply.json)
    assert again.replay_of == old
    assert again.id != old
    # It belongs to the owner of the old one.
    assert ann.get(f"/api/v1/jobs/{again.id}").status_code == 200


def test_a_job_that_succeeded_is_not_replayed(
    ann: Api, admin: Api, worker: FakeWorker
) -> None:
    job_id = waited(ann).json["id"]

    assert admin.post(f"/api/v1/jobs/{job_id}/replay").status_code == 422


@pytest.mark.parametrize(
    ("method", "rest"),
    [
        ("GET", ""),
        ("GET", "/events"),
        ("GET", "/tokens"),
        ("POST", "/cancel"),
    ],
)
def test_another_owners_job_is_404(ann: Api, bob: Api, method: str, rest: str) -> None:
    job_id = submit(ann)

    reply = bob(method, f"/api/v1/jobs/{job_id}{rest}")

    assert (reply.status_code, reply.json["code"]) == (404, "job_not_found")
    listed = bob.get("/api/v1/jobs").json
    assert listed == {"data": [], "next": None}


def test_an_administrator_sees_all_jobs(ann: Api, admin: Api) -> None:
    job_id = submit(ann)

    listed = admin.get("/api/v1/jobs").json

    assert admin.get(f"/api/v1/jobs/{job_id}").status_code == 200
    assert listed is not None
    assert [job["id"] for job in listed["data"]] == [job_id]


# Idempotency
def test_the_same_key_and_body_are_the_same_job_also_when_fifty_come_at_once(
    ann: Api, services: Services
) -> None:
    together = threading.Barrier(50)

    def send(_: int) -> Any:
        together.wait()
        return ann.submit(headers={"Idempotency-Key": "once"})

    with ThreadPoolExecutor(50) as pool:
        replies = list(pool.map(send, range(50)))

    assert {reply.status_code for reply in replies} == {202}
    assert len({reply.json["id"] for reply in replies}) == 1
    listed = ann.get("/api/v1/jobs").json
    assert listed is not None
    assert len(listed["data"]) == 1


def test_the_same_key_with_another_body_is_409(ann: Api) -> None:
    headers = {"Idempotency-Key": "once"}
    submit(ann, headers=headers)

    reply = ann.submit(headers=headers, priority="high")

    assert (reply.status_code, reply.json["code"]) == (409, "idempotency_conflict")


def test_the_order_of_a_bodys_fields_does_not_matter(ann: Api) -> None:
    headers = {"Idempotency-Key": "once", "Content-Type": "application/json"}
    bodies = (
        b'{"kind":"generate","model":"tiny-chat","request":{"prompt":"a"}}',
        b'{"request": {"prompt":"a"}, "model":"tiny-chat", "kind":"generate"}',
    )

    ids = [ann.post("/api/v1/jobs", data=b, headers=headers).json for b in bodies]

    assert ids[0] is not None
    assert ids[1] is not None
    assert ids[0]["id"] == ids[1]["id"]


def test_a_key_belongs_to_its_owner_and_to_its_spelling(ann: Api, bob: Api) -> None:
    ids = {
        submit(ann, headers={"Idempotency-Key": "once"}),
        submit(ann, headers={"Idempotency-Key": "ONCE"}),
        submit(bob, headers={"Idempotency-Key": "once"}),
    }

    assert len(ids) == 3


def test_a_repeated_key_finds_the_finished_job(ann: Api, worker: FakeWorker) -> None:
    headers = {"Idempotency-Key": "once", "Prefer": "wait=20"}
    first = ann.submit(headers=headers)

    again = ann.submit(headers=headers)
    plain = ann.submit(headers={"Idempotency-Key": "once"})

    assert first.status_code == again.status_code == plain.status_code == 200
    assert first.json == again.json
    assert worker.answered == [first.json["id"]]


def test_a_repeated_key_waits_for_the_job_that_runs(
    ann: Api, settings: Any, database: Database
) -> None:
    job_id = submit(ann, headers={"Idempotency-Key": "once"})
    lanes = ("gen:tiny-chat:latest",)

    with (
        ThreadPoolExecutor(1) as pool,
        FakeWorker(settings, database, lanes=lanes, token_seconds=0.1),
    ):
        headers = {"Idempotency-Key": "once", "Prefer": "wait=20"}
        reply = pool.submit(ann.submit, headers=headers).result()

    assert reply.status_code == 200
    assert reply.json["id"] == job_id
    assert reply.json["state"] == "succeeded"


# Polling
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


# Policy of keys
def test_a_priority_above_the_keys_is_refused(app: Any, services: Services) -> None:
    key = make_key(services, "low", highest_priority=Priority.LOW)
    api = Api(app.test_client(), key)

    assert api.submit(priority="normal").status_code == 422
    assert api.submit(priority="low").status_code == 202


def test_a_key_uses_only_its_models(app: Any, services: Services) -> None:
    key = make_key(services, "some", allowed_models=["tiny-embed:latest"])
    api = Api(app.test_client(), key)

    reply = api.submit()
    models = api.get("/api/v1/models").json

    assert (reply.status_code, reply.json["code"]) == (403, "model_not_allowed")
    assert models is not None
    assert [model["name"] for model in models["data"]] == ["tiny-embed:latest"]


def test_a_pull_is_for_administrators_and_goes_to_a_nodes_lane(
    ann: Api, admin: Api, services: Services
) -> None:
    refused = ann.post("/api/v1/jobs", json={"kind": "pull", "model": "new:1b"})
    reply = admin.post("/api/v1/jobs", json={"kind": "pull", "model": "new:1b"})

    assert (refused.status_code, refused.json["code"]) == (403, "scope_missing")
    assert reply.status_code == 202
    job = services.reads.require(reply.json["id"], None)
    assert (job.lane, job.model) == ("node:local", "new:1b")
    models = admin.get("/api/v1/models").json
    assert models is not None
    (new,) = [model for model in models["data"] if model["name"] == "new:1b"]
    assert (new["state"], new["pull"]["job_id"]) == ("pulling", job.id)


def test_a_reading_key_submits_nothing(app: Any, services: Services) -> None:
    api = Api(app.test_client(), make_key(services, "reader", Scope.READ))

    assert api.submit().status_code == 403
    assert api.get("/api/v1/jobs").status_code == 200
