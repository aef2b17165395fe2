"""What is around each request: ids, health, metrics, documents, other lists."""

from datetime import datetime
from typing import Any

import pytest
from flask import Flask

from backend.api.container import Services
from backend.api.schemas.views.maintenance import RunList
from backend.api.schemas.views.models import ModelList
from backend.api.schemas.views.nodes import NodeList
from backend.core.cluster import LoadedState, Snapshot
from backend.core.errors import AppError
from backend.core.names import MAINTENANCE_QUEUE
from tests.integration.api.caller import Api

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def snapshot(**over: Any) -> Snapshot:
    values: dict[str, Any] = {
        "node": "local",
        "incarnation": "one",
        "worker": "w",
        "published_at": 1.0,
        "ollama_version": "0.24.0",
        "ollama_ok": True,
        "memory_total": 1,
        "memory_available": 1,
        "concurrency": 5,
        "running": 0,
        "version": "0.1.0",
        "on_disk": ["tiny-chat:latest", "tiny-embed:latest"],
        "loaded": [LoadedState("tiny-chat:latest", 1, 0, 2_048, None)],
        "slots": {"tiny-chat:latest": 4},
        "pace_seconds": {"tiny-chat:latest": 2.0},
    }
    return Snapshot(**(values | over))


def test_the_callers_request_id_is_kept_in_the_answer_and_on_the_job(
    ann: Api, services: Services
) -> None:
    headers = {"X-Request-Id": "My.id_1-2", "traceparent": TRACE}

    reply = ann.submit(headers=headers)

    assert reply.headers["X-Request-Id"] == "My.id_1-2"
    job = services.query.as_new(reply.json["id"], queue_ms=1)
    assert job is not None
    assert job.traceparent == TRACE
    assert services.reads.require(job.id, None).request_id == "My.id_1-2"


@pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "<script>", "ä"])
def test_an_id_that_makes_no_sense_is_replaced(ann: Api, sent: str) -> None:
    reply = ann.get("/api/v1/nothing", headers={"X-Request-Id": sent})

    assert reply.headers["X-Request-Id"] != sent
    assert reply.json is not None
    assert reply.json["request_id"] == reply.headers["X-Request-Id"]


@pytest.mark.parametrize(
    "sent",
    ["", "nonsense", TRACE[:-1], f"ff{TRACE[2:]}", f"00-{'0' * 32}-{'1' * 16}-01"],
)
def test_a_trace_context_that_is_none_is_dropped(
    ann: Api, services: Services, sent: str
) -> None:
    job_id = ann.submit(headers={"traceparent": sent}).json["id"]

    job = services.query.as_new(job_id, queue_ms=1)
    assert job is not None
    assert job.traceparent is None


def test_an_accident_is_a_500_with_an_id_and_without_its_reason(
    app: Flask, ann: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fall(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret reason")

    monkeypatch.setattr(type(app.extensions["corral"].catalogue), "require", fall)

    reply = ann.submit()

    assert (reply.status_code, reply.json["code"]) == (500, AppError.code)
    assert "secret reason" not in reply.text


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready"])
def test_health_is_for_everybody(ann: Api, path: str) -> None:
    reply = ann.with_key(None).get(path)

    assert reply.status_code == 200
    assert reply.json is not None
    assert reply.json["status"] == "ok"


def test_a_server_that_stops_is_not_ready_and_accepts_nothing(
    ann: Api, services: Services
) -> None:
    services.draining.set()
    try:
        ready, submitted = ann.get("/health/ready"), ann.submit()
    finally:
        services.draining.clear()

    assert ready.status_code == 503
    assert (submitted.status_code, submitted.json["code"]) == (503, "draining")
    assert submitted.headers["Retry-After"] == "1"


def test_metrics_count_requests_by_their_route(ann: Api) -> None:
    ann.get("/api/v1/jobs/01a1fdf8-ced8-7739-882f-8a6d3f50b4d9").close()

    text = ann.with_key(None).get("/metrics").text

    assert 'route="/api/v1/jobs/<job_id>",status="404"' in text


def test_the_models_tell_where_they_are(ann: Api, services: Services) -> None:
    before = ModelList.model_validate(ann.get("/api/v1/models").json)
    services.cluster.publish(snapshot())
    after = ModelList.model_validate(ann.get("/api/v1/models").json)

    assert {model.state for model in before.data} == {"unavailable"}
    assert {model.name: model.state for model in after.data} == {
        "tiny-chat:latest": "loaded",
        "tiny-embed:latest": "on_disk",
        "tiny-new:latest": "unavailable",
        "tiny-tools:latest": "unavailable",
    }
    chat = after.data[0]
    assert (chat.capabilities, chat.context_length) == (["completion"], 2_048)
    assert (chat.nodes, chat.size_bytes) == (["local"], 1_000)


def test_a_queued_job_is_told_when_it_may_start(ann: Api, services: Services) -> None:
    services.cluster.publish(snapshot())
    # What other tests read a moment ago is not asked again for a second.
    services.forecast.forget()

    assert ann.submit().json["eta_seconds"] == 0.5


def test_the_nodes_are_listed_with_their_workers(ann: Api, services: Services) -> None:
    services.cluster.publish(snapshot())
    services.cluster.publish(snapshot(incarnation="two", ollama_version="0.24.0-sim"))

    (node,) = NodeList.model_validate(ann.get("/api/v1/nodes").json).data

    assert (node.id, node.state, node.simulated) == ("local", "ready", True)
    assert {worker["incarnation"] for worker in node.workers} == {"one", "two"}


def test_a_model_that_is_kept_for_ever_expires_never(
    ann: Api, services: Services
) -> None:
    soon = "2026-01-31T12:05:00+00:00"
    ends = {"a": soon, "b": "2319-03-03T09:09:35.125770+00:00", "c": None}
    loaded = [LoadedState(name, 1, 0, 2_048, end) for name, end in ends.items()]
    services.cluster.publish(snapshot(loaded=loaded, published_at=1_769_860_800.0))

    reply = ann.get("/api/v1/nodes").json
    (node,) = NodeList.model_validate(reply).data

    shown = {model.name: model.expires_at for model in node.loaded}
    assert shown == {"a": datetime.fromisoformat(soon), "b": None, "c": None}


def test_maintenance_is_listed_and_sent_by_hand(admin: Api, services: Services) -> None:
    listed = RunList.model_validate(admin.get("/api/v1/maintenance").json)
    sent = admin.post("/api/v1/maintenance/recovery/run")
    unknown = admin.post("/api/v1/maintenance/nothing/run")

    names = [run.name for run in listed.data]
    assert names == [
        "recovery",
        "preload",
        "cleanup",
        "usage",
        "retention",
        "limits",
    ]
    assert sent.status_code == 202
    assert services.redis.llen(MAINTENANCE_QUEUE) == 1
    assert unknown.status_code == 404
