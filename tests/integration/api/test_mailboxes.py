"""Every mailbox that a request opens is closed, however the request ends."""

from uuid import uuid4

import pytest

from backend.api.container import Services
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import Api, said, submit, waited

STREAM = {"Accept": "text/event-stream"}


def open_boxes(services: Services) -> int:
    return len(services.hub._boxes)


def test_a_stream_holds_its_mailbox_until_it_is_closed(
    ann: Api, services: Services
) -> None:
    reply = ann.submit(headers=STREAM)

    assert open_boxes(services) == 1
    reply.close()
    assert open_boxes(services) == 0


def test_a_stream_that_attaches_holds_the_one_mailbox_of_the_job_that_was_there(
    ann: Api, services: Services
) -> None:
    headers = STREAM | {"Idempotency-Key": "same"}
    first = ann.submit(headers=headers)
    first.close()
    second = ann.submit(headers=headers)

    assert list(services.hub._boxes) == [second.headers["Location"].rpartition("/")[2]]
    assert second.headers["Location"] == first.headers["Location"]
    second.close()
    assert open_boxes(services) == 0


def test_an_idempotency_conflict_leaves_no_mailbox(
    ann: Api, services: Services
) -> None:
    headers = {"Idempotency-Key": "same"}
    submit(ann, headers=headers)
    reply = ann.submit(headers=STREAM | headers, request=said("something else"))

    assert reply.status_code == 409
    assert open_boxes(services) == 0


@pytest.mark.parametrize("what", ["events", "tokens"])
def test_following_a_job_that_is_not_there_leaves_no_mailbox(
    ann: Api, services: Services, what: str
) -> None:
    reply = ann.get(f"/api/v1/jobs/{uuid4()}/{what}", headers=STREAM)

    assert reply.status_code == 404
    assert open_boxes(services) == 0


def test_a_wait_leaves_no_mailbox(
    ann: Api, services: Services, worker: FakeWorker
) -> None:
    headers = {"Idempotency-Key": "same"}
    submit(ann, headers=headers)
    reply = ann.submit(headers=headers | {"Prefer": "wait=20"})

    assert reply.status_code == 200
    assert waited(ann).status_code == 200
    assert open_boxes(services) == 0
