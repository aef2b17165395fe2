"""Usage over HTTP: grouping, CSV, who sees what."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.api.container import Services
from backend.core.keys import Scope
from backend.core.usage.hours import hour_of
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import Api, make_key, said, waited
from tests.integration.api.usage.conftest import Kept
from tests.integration.api.usage.told import HOUR, report, table

COUNTS = ("requests", "succeeded", "failed", "cancelled", "expired")
COUNTS += ("prompt_tokens", "completion_tokens", "total_tokens")


def test_what_callers_use_is_told_at_once(ann: Api, worker: FakeWorker) -> None:
    begun = datetime.now(UTC)
    jobs = [waited(ann, request=said(text)).json for text in ("a b", "fail", "c")]

    told = report(ann.get("/api/v1/usage?group_by=protocol"))

    ago = timedelta(days=30)
    since = {hour_of(moment - ago) for moment in (begun, datetime.now(UTC))}
    assert datetime.fromisoformat(told["from"]) in since
    assert told["to"] is None
    tokens = [job["usage"].values() for job in jobs]
    prompt, completion = map(sum, zip(*tokens, strict=True))
    counts = {
        "requests": 3,
        "succeeded": 2,
        "failed": 1,
        "cancelled": 0,
        "expired": 0,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    assert told["data"] == [{"protocol": "native"} | counts]
    assert told["total"] == counts
    assert completion > 0


def test_usage_is_told_by_day_unless_asked_otherwise(ann: Api, kept: Kept) -> None:
    kept(("ann", {}))

    (line,) = report(ann.get("/api/v1/usage"))["data"]

    assert line["day"] == f"{HOUR:%Y-%m-%d}"


def test_users_see_their_own_and_administrators_all(
    ann: Api, bob: Api, admin: Api, kept: Kept
) -> None:
    kept(("ann", {}), ("ann", {}), ("bob", {}))

    def users(api: Api, more: str = "") -> dict[str, int]:
        data = report(api.get(f"/api/v1/usage?group_by=user{more}"))["data"]
        return {line["user"]: line["requests"] for line in data}

    assert users(ann) == {"ann": 2}
    assert users(bob) == {"bob": 1}
    assert users(bob, "&user=ann") == {}
    assert users(admin) == {"ann": 2, "bob": 1}
    assert users(admin, "&user=ann") == {"ann": 2}


def test_groups_have_the_fields_that_were_asked_for(
    admin: Api, kept: Kept, users: dict[str, tuple[int, int, str]]
) -> None:
    kept(("ann", {"node": "gpu-1", "protocol": "openai", "completion_tokens": 7}))

    told = report(
        admin.get("/api/v1/usage?group_by=hour,key,model,node,kind,protocol,key")
    )

    _, key_id, prefix = users["ann"]
    (line,) = told["data"]
    assert {k: v for k, v in line.items() if k not in told["total"]} == {
        "hour": HOUR.isoformat().replace("+00:00", "Z"),
        "key_id": key_id,
        "key_prefix": prefix,
        "key_name": "test",
        "model": "asked:latest",
        "node": "gpu-1",
        "kind": "chat",
        "protocol": "openai",
    }
    assert told["total"]["total_tokens"] == 7


def test_all_in_one_is_the_total(ann: Api, kept: Kept) -> None:
    kept(("ann", {}), ("ann", {"state": "failed"}))

    told = report(ann.get("/api/v1/usage?group_by=none"))

    assert told["data"] == [told["total"]]
    assert told["total"]["failed"] == 1


def test_times_are_widened_to_the_hours_that_are_counted(ann: Api, kept: Kept) -> None:
    kept(("ann", {}))
    begins, ends = HOUR + timedelta(minutes=50), HOUR + timedelta(minutes=51)

    query = {"from": begins.isoformat(), "to": ends.isoformat(), "model": "Asked"}
    told = report(ann.get("/api/v1/usage", query_string=query))

    assert told["from"] == HOUR.isoformat().replace("+00:00", "Z")
    assert told["to"] == (HOUR + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    assert told["total"]["requests"] == 1


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("group_by=color", "group_by", "must be none, or some of key, user, model"),
        ("group_by=none,key", "group_by", "must be none, or some of"),
        ("group_by=", "group_by", "must be none"),
        ("from=yesterday", "from", "must be a time"),
        ("from=2026-01-01T00:00:00", "from", "with its zone"),
        ("from=0001-01-01T00:00:00%2B14:00", "from", "from 2000 until 2199"),
        ("from=2026-02-01T00:00:00Z&to=2026-02-01T00:00:00Z", "from", "before `to`"),
        ("kind=pull", "kind", "must be chat, generate or embed"),
        ("format=xml", "format", '"json" or "csv"'),
        ("since=1", "since", "is not a field here"),
    ],
)
def test_what_makes_no_sense_is_told(
    ann: Api, query: str, field: str, message: str
) -> None:
    reply = ann.get(f"/api/v1/usage?{query}")

    assert reply.status_code == 422
    assert reply.json is not None
    (error,) = reply.json["errors"]
    assert error["field"] == field
    assert message in error["message"]


@pytest.mark.parametrize("path", ["/api/v1/usage", "/api/v1/usage/calls"])
def test_usage_is_json_or_csv_as_the_caller_likes(ann: Api, path: str) -> None:
    def kind(query: str = "", **headers: str) -> str:
        reply = ann.get(path + query, headers=headers)
        assert reply.status_code == 200
        return str(reply.content_type).split(";", maxsplit=1)[0]

    assert kind() == kind(Accept="*/*") == "application/json"
    assert kind(Accept="text/csv") == kind("?format=csv") == "text/csv"
    assert kind("?format=json", Accept="text/csv") == "application/json"
    assert ann.get(path, headers={"Accept": "image/png"}).status_code == 406


def test_sums_as_csv(ann: Api, kept: Kept) -> None:
    kept(("ann", {"completion_tokens": 3}), ("ann", {"node": "gpu, left"}))

    rows = table(ann.get("/api/v1/usage?group_by=node,hour&format=csv"))

    hour = HOUR.isoformat().replace("+00:00", "Z")
    assert rows == [
        ["node", "hour", *COUNTS],
        ["", hour, "1", "1", "0", "0", "0", "0", "3", "3"],
        ["gpu, left", hour, "1", "1", "0", "0", "0", "0", "0", "0"],
    ]


def test_a_key_needs_a_scope_to_see_usage(ann: Api, services: Services) -> None:
    reader = ann.with_key(make_key(services, "ann", Scope.READ))

    assert reader.get("/api/v1/usage").status_code == 200
    assert reader.with_key(None).get("/api/v1/usage").status_code == 401
