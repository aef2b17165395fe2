"""Jobs over HTTP: submit, wait, read, list, cancel, replay."""

from typing import Any

import pytest

from backend.api.schemas.views.jobs import JobList, JobView
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import CHAT, Api, said, submit, waited


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


def test_a_wait_that_is_cut_is_told_as_it_was_applied(
    ann: Api, worker: FakeWorker
) -> None:
    reply = ann.submit(headers={"Prefer": "wait=100000"})

    # MAX_WAIT is ten minutes.
    assert reply.headers["Preference-Applied"] == "wait=600"


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
