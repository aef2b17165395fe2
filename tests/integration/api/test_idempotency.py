"""The same key and the same body are the same job."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from backend.api.container import Services
from backend.core.db import Database
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import Api, submit


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
