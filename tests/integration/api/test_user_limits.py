"""What bounds a user bounds all of its keys and log-ins, and all of them together."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from backend.api.container import Services
from backend.api.schemas.views.account import Me
from backend.api.schemas.views.users import AccountView, StandingAccountView
from backend.core.errors import QueueUnavailableError
from backend.core.jobs.states import Priority
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import Api, code_of, make_key, submit, waited
from tests.integration.api.people import login_of

OWN = "/api/v1/me/keys"


@pytest.fixture
def ada(app: Flask, services: Services) -> Api:
    return login_of(services, Api(app.test_client(), None), "ada")


@pytest.fixture
def ada_at(services: Services, ada: Api) -> str:
    return f"/api/v1/users/{services.accounts.users.named('ada').id}"


def bound(admin: Api, path: str, **bounds: Any) -> AccountView:
    reply = admin("PATCH", path, json=bounds)
    assert reply.status_code == 200, reply.text
    return AccountView.model_validate(reply.json)


def own_key(api: Api) -> Api:
    return api.with_key(api.post(OWN, json={"name": "script"}).json["key"])


def test_whoever_logs_in_has_the_limits_of_the_user(
    admin: Api, ada: Api, ada_at: str
) -> None:
    submit(ada)
    shown = bound(admin, ada_at, rpm=1, max_concurrency=5)
    submit(ada)
    reply = ada.submit()

    assert (shown.rpm, shown.tpm, shown.max_concurrency) == (1, None, 5)
    assert code_of(reply) == (429, "rate_limited")
    assert "The user, with all keys together" in reply.json["detail"]
    assert reply.headers["x-ratelimit-limit-requests"] == "1"
    assert reply.headers["x-ratelimit-remaining-requests"] == "0"
    bound(admin, ada_at, rpm=None)
    submit(ada)


def test_more_keys_are_not_more_than_one(
    app: Flask, admin: Api, ada: Api, ada_at: str, services: Services
) -> None:
    bound(admin, ada_at, rpm=10)
    given = [Api(app.test_client(), make_key(services, "ada")) for _ in range(2)]
    script = own_key(ada)
    keys = [ada, *given, script, own_key(script)]

    def send(number: int) -> int:
        api = keys[number % len(keys)]
        return Api(app.test_client(), api.key).submit().status_code

    with ThreadPoolExecutor(20) as pool:
        codes = list(pool.map(send, range(100)))

    assert (codes.count(202), codes.count(429)) == (10, 90)


def test_a_key_may_have_less_than_its_user(
    app: Flask, admin: Api, ada: Api, ada_at: str, services: Services
) -> None:
    bound(admin, ada_at, rpm=3)
    small = Api(app.test_client(), make_key(services, "ada", rpm=1))
    submit(small)
    refused = small.submit()
    submit(ada)
    submit(ada)

    assert refused.json["detail"].startswith("The key is allowed 1 requests")
    assert code_of(ada.submit()) == (429, "rate_limited")


def test_models_priority_and_weight_bound_each_key(
    app: Flask, admin: Api, ada: Api, ada_at: str, services: Services
) -> None:
    more = {"allowed_models": ["tiny-chat:latest", "tiny-embed:latest"], "weight": 2.0}
    key = Api(app.test_client(), make_key(services, "ada", **more))
    models = ["Tiny-Chat", "tiny-tools"]
    bound(admin, ada_at, allowed_models=models, highest_priority="normal", weight=0.25)
    for api, allowed, weight in (
        (ada, {"tiny-chat:latest", "tiny-tools:latest"}, 0.25),
        (key, {"tiny-chat:latest"}, 0.5),
    ):
        caller = services.keys.recognise(str(api.key))
        assert caller.allowed_models == allowed
        assert caller.highest_priority is Priority.NORMAL
        assert caller.weight == weight
        submit(api)
        assert api.submit(priority="high").json["errors"][0]["field"] == "priority"
        seen = api.get("/api/v1/models").json["data"]
        assert {model["name"] for model in seen} == allowed
    embed = {"kind": "embed", "model": "tiny-embed", "request": {"input": "x"}}
    assert code_of(key.submit(**embed)) == (403, "model_not_allowed")
    wide = ada.post(OWN, json={"name": "x", "allowed_models": ["tiny-embed"]})
    assert wide.json["errors"][0]["field"] == "allowed_models"


def test_limits_count_at_once_for_a_caller_who_is_known(
    admin: Api, ada: Api, ada_at: str
) -> None:
    submit(ada)
    bound(admin, ada_at, allowed_models=["tiny-embed"])

    assert code_of(ada.submit()) == (403, "model_not_allowed")
    bound(admin, ada_at, allowed_models=None)
    submit(ada)


def test_what_is_left_is_told(
    admin: Api, ada: Api, ada_at: str, worker: FakeWorker
) -> None:
    bound(admin, ada_at, rpm=5, daily_tokens=100_000)
    used = waited(own_key(ada)).json["usage"]
    tokens = used["prompt_tokens"] + used["completion_tokens"]
    me = Me.model_validate(ada.get("/api/v1/me").json)
    shown = StandingAccountView.model_validate(admin.get(ada_at).json)

    assert set(me.key.limits.model_dump().values()) == {None}
    assert shown.limits.max_concurrency is None
    for limits in (me.user.limits, shown.limits):
        assert limits.rpm is not None
        assert (limits.rpm.used, limits.rpm.remaining) == (1, 4)
        assert limits.daily_tokens is not None
        assert limits.daily_tokens.used == tokens


def test_a_cancelled_job_gives_its_users_place_back(
    admin: Api, ada: Api, ada_at: str
) -> None:
    bound(admin, ada_at, max_concurrency=1)
    script = own_key(ada)
    job_id = submit(script)
    assert code_of(ada.submit()) == (429, "rate_limited")

    ada.post(f"/api/v1/jobs/{job_id}/cancel")
    submit(ada)


def test_without_redis_nobody_with_limits_is_let_in(
    admin: Api,
    ada: Api,
    ada_at: str,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bound(admin, ada_at, rpm=5)

    def away(*_: Any) -> None:
        raise QueueUnavailableError

    monkeypatch.setattr(type(services.reservations), "_ask", away)

    assert code_of(ada.submit()) == (503, "queue_unavailable")
    submit(admin)
    limits = Me.model_validate(ada.get("/api/v1/me").json).user.limits
    assert limits.rpm is not None
    assert (limits.rpm.limit, limits.rpm.used) == (5, None)


def test_a_user_is_made_with_limits(admin: Api) -> None:
    body = {"name": "eve", "rpm": 7, "weight": 0.5, "allowed_models": ["Tiny-Chat"]}
    made = AccountView.model_validate(admin.post("/api/v1/users", json=body).json)

    assert (made.rpm, made.weight, made.highest_priority) == (7, 0.5, "high")
    assert made.allowed_models == ["tiny-chat:latest"]


@pytest.mark.parametrize(
    ("bounds", "field"),
    [
        ({"rpm": 0}, "rpm"),
        ({"weight": 0}, "weight"),
        ({"weight": None}, "weight"),
        ({"highest_priority": None}, "highest_priority"),
        ({"highest_priority": "urgent"}, "highest_priority"),
        ({"allowed_models": "tiny-chat"}, "allowed_models"),
        ({"lineage_id": 1}, "lineage_id"),
    ],
)
def test_a_wrong_bound_is_named(
    admin: Api, ada_at: str, bounds: dict[str, Any], field: str
) -> None:
    for reply in (
        admin("PATCH", ada_at, json=bounds),
        admin.post("/api/v1/users", json={"name": "eve"} | bounds),
    ):
        assert code_of(reply) == (422, "invalid_request")
        assert [error["field"] for error in reply.json["errors"]] == [field]
