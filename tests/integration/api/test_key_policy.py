"""What a key may do: its priorities, models and scopes."""

from typing import Any

import pytest
import redis

from backend.api.container import Services
from backend.core.cluster import Cluster
from backend.core.jobs.states import Priority
from backend.core.keys import Scope
from tests.integration.api.caller import Api, make_key
from tests.integration.api.test_requests import snapshot


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


@pytest.mark.parametrize(
    ("live", "node"), [(["far"], "far"), (["far", "local"], "local"), ([], "local")]
)
def test_a_pull_that_names_no_node_goes_to_one_that_lives(
    admin: Api, services: Services, live: list[str], node: str
) -> None:
    for name in live:
        services.cluster.publish(snapshot(node=name))

    reply = admin.post("/api/v1/jobs", json={"kind": "pull", "model": "new:1b"})

    assert reply.json is not None
    assert services.reads.require(reply.json["id"], None).lane == f"node:{node}"


def test_a_pull_is_accepted_while_redis_is_down(
    admin: Api, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Cluster) -> None:
        raise redis.ConnectionError

    monkeypatch.setattr(Cluster, "by_node", refuse)

    reply = admin.post("/api/v1/jobs", json={"kind": "pull", "model": "new:1b"})

    assert reply.status_code == 202
