"""An embedding as its caller gets it: waited for, streamed, polled."""

from typing import Any

import pytest

from tests.integration.api.caller import Api, waited
from tests.integration.api.sse import read_events

TWO = {"kind": "embed", "model": "tiny-embed", "request": {"input": ["one", "two"]}}
VECTORS = {"embeddings": [[0.5, 0.25]] * 2}

pytestmark = pytest.mark.usefixtures("worker")


def test_who_waits_gets_the_vectors(ann: Api) -> None:
    assert waited(ann, **TWO).json["result"] == VECTORS


def test_the_events_end_with_the_vectors_also_for_a_late_reader(
    ann: Api,
) -> None:
    reply = ann.submit(**TWO, headers={"Accept": "text/event-stream"})
    text, job = reply.text, reply.headers["Location"]
    late = ann.get(f"{job}/events").text

    for events in (read_events(text), read_events(late)):
        assert events[-1].event == "end"
        assert events[-1].data["result"] == VECTORS


def test_who_polls_gets_the_vectors_with_the_end(ann: Api) -> None:
    job: Any = waited(ann, **TWO).json
    page: Any = ann.get(f"/api/v1/jobs/{job['id']}/tokens").json

    assert page["events"][-1]["event"] == "end"
    assert page["events"][-1]["data"]["result"] == VECTORS
