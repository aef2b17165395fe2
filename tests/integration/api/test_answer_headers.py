"""Answers tell which job they are of, and how it came about."""

from backend.api.container import Services
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import Api, submit

SERVING = ("X-Corral-Model", "X-Corral-Node", "X-Corral-Queue-Ms")


def test_an_accepted_job_is_named(ann: Api) -> None:
    reply = ann.submit()

    assert reply.json is not None
    assert reply.headers["X-Corral-Job-Id"] == reply.json["id"]
    assert reply.headers["X-Request-Id"]


def test_an_answered_job_tells_where_it_was_answered(
    ann: Api, worker: FakeWorker, services: Services
) -> None:
    reply = ann.submit(headers={"Prefer": "wait=20"})

    assert reply.headers["X-Corral-Model"] == "tiny-chat:latest"
    assert reply.headers["X-Corral-Node"] == services.settings.node_id
    assert float(reply.headers["X-Corral-Queue-Ms"]) >= 0
    assert float(reply.headers["X-Corral-Overhead-Ms"]) >= 0


def test_a_streamed_job_is_named(ann: Api, worker: FakeWorker) -> None:
    reply = ann.submit(headers={"Accept": "text/event-stream"})

    assert reply.headers["X-Corral-Job-Id"] in reply.headers["Location"]


def test_a_repeat_names_the_job_that_was_there(ann: Api) -> None:
    headers = {"Idempotency-Key": "once"}
    job_id = submit(ann, headers=headers)

    assert ann.submit(headers=headers).headers["X-Corral-Job-Id"] == job_id


def test_what_was_not_accepted_names_no_job(ann: Api) -> None:
    assert "X-Corral-Job-Id" not in ann.submit(model="nobody").headers
