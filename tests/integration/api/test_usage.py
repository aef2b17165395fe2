"""Usage over HTTP: grouping, CSV, who sees what, the list of calls."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from werkzeug.test import TestResponse

from backend.api.cli import commands
from backend.api.container import Services
from backend.api.schemas.views.usage import CallList, UsageReport
from backend.core.db import Database
from backend.core.keys import Scope
from backend.core.settings import Settings
from backend.core.usage import calls
from backend.core.usage.hours import hour_of
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import Api, make_key, said, waited
from tests.integration.core.calls import call, ended

HOUR = hour_of(datetime.now(UTC)) - timedelta(hours=30)
COUNTS = ("requests", "succeeded", "failed", "cancelled", "expired")
COUNTS += ("prompt_tokens", "completion_tokens", "total_tokens")
Kept = Callable[..., list[str]]


@pytest.fixture
def users(services: Services, ann: Api, bob: Api) -> dict[str, tuple[int, int, str]]:
    """Give each user's id, key and the key's prefix."""
    return {
        user.name: (user.id, key.id, key.prefix)
        for key, user in services.keys.list_all()
    }


@pytest.fixture
def kept(database: Database, users: dict[str, tuple[int, int, str]]) -> Kept:
    """Give what commits calls of users, oldest first."""

    def keep(*rows: tuple[str, dict[str, Any]]) -> list[str]:
        return ended(
            database,
            *[
                call(
                    HOUR + timedelta(minutes=number),
                    **{"owner_id": users[name][0], "key_id": users[name][1]} | over,
                )
                for number, (name, over) in enumerate(rows)
            ],
        )

    return keep


def report(reply: TestResponse) -> Any:
    assert reply.status_code == 200, reply.text
    UsageReport.model_validate(reply.json)
    return reply.json


def table(reply: TestResponse) -> list[list[str]]:
    assert reply.status_code == 200, reply.text
    assert reply.content_type == "text/csv; charset=utf-8; header=present"
    assert reply.headers["Content-Disposition"].startswith("attachment; filename=")
    assert reply.text.endswith("\r\n")
    return list(csv.reader(io.StringIO(reply.text, newline="")))


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
        ("from=yesterday", "from", "valid datetime"),
        ("from=2026-01-01T00:00:00", "from", "timezone"),
        ("from=0001-01-01T00:00:00%2B14:00", "from", "from 2000 until 2199"),
        ("from=2026-02-01T00:00:00Z&to=2026-02-01T00:00:00Z", "from", "before `to`"),
        ("kind=pull", "kind", "must be chat, generate or embed"),
        ("format=xml", "format", "'json' or 'csv'"),
        ("since=1", "since", "not permitted"),
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


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=100001&format=csv", "limit"),
        ("state=running", "state"),
        ("error_code=bad_luck", "error_code"),
        ("after=1", "after"),
        ("after=01234567-0123-7123-8123-0123456789ab", "after"),
        ("from=2026-02-02T00:00:00Z&to=2026-02-01T00:00:00Z", "from"),
    ],
)
def test_a_list_that_makes_no_sense_is_told(ann: Api, query: str, field: str) -> None:
    reply = ann.get(f"/api/v1/usage/calls?{query}")

    assert reply.status_code == 422
    assert reply.json is not None
    assert [error["field"] for error in reply.json["errors"]] == [field]


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


def test_no_name_is_run_as_a_formula(admin: Api, services: Services) -> None:
    make_key(services, '=HYPERLINK("http://evil.example","a")')
    ((_, user),) = [p for p in services.keys.list_all() if p[1].name.startswith("=")]
    ended(services.database, call(HOUR, owner_id=user.id, requested_model="-1+1"))

    (_, cells) = table(admin.get("/api/v1/usage/calls?format=csv"))

    assert cells[4] == '\'=HYPERLINK("http://evil.example","a")'
    assert cells[8] == "'-1+1"


def test_calls_are_listed_page_by_page(
    ann: Api, kept: Kept, users: dict[str, tuple[int, int, str]]
) -> None:
    ids = kept(*[("ann", {"node": "gpu-1"})] * 5, ("bob", {}))

    first = ann.get("/api/v1/usage/calls?limit=3").json
    assert first is not None
    second = ann.get(f"/api/v1/usage/calls?limit=3&after={first['next']}").json
    assert second is not None

    CallList.model_validate(first)
    shown = [one["id"] for one in first["data"] + second["data"]]
    assert shown == ids[4::-1]
    assert second["next"] is None
    _, key_id, prefix = users["ann"]
    assert first["data"][0] | {"id": "", "created_at": "", "finished_at": ""} == {
        "id": "",
        "finished_at": "",
        "created_at": "",
        "user_id": users["ann"][0],
        "user": "ann",
        "key_id": key_id,
        "key_prefix": prefix,
        "key_name": "test",
        "model": "Asked",
        "served_model": None,
        "node": "gpu-1",
        "kind": "chat",
        "protocol": "native",
        "state": "succeeded",
        "attempts": 1,
        "error_code": None,
        "prompt_tokens": None,
        "completion_tokens": None,
        "queue_ms": None,
        "first_token_ms": None,
        "total_ms": 2_000.0,
    }


def test_calls_are_narrowed_as_sums_are(admin: Api, kept: Kept) -> None:
    ids = kept(
        ("ann", {"state": "failed", "error_code": "stalled"}),
        ("ann", {"kind": "embed"}),
        ("bob", {"protocol": "ollama"}),
    )

    def found(query: str) -> list[int]:
        reply = admin.get(f"/api/v1/usage/calls?{query}")
        assert reply.status_code == 200, reply.text
        assert reply.json is not None
        return [ids.index(one["id"]) for one in reply.json["data"]]

    assert found("state=failed") == found("error_code=stalled") == [0]
    assert found("kind=embed") == [1]
    assert found("user=bob") == found("protocol=ollama") == [2]
    assert found(f"from={HOUR:%Y-%m-%dT%H:%M:%SZ}&limit=2") == [2, 1]
    assert found(f"to={HOUR + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}") == [0]


def test_many_calls_come_as_one_table(
    ann: Api, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "_PAGE", 3)
    ids = kept(*[("ann", {})] * 10)

    rows = table(ann.get("/api/v1/usage/calls", headers={"Accept": "text/csv"}))

    assert [row[0] for row in rows] == ["id", *ids[::-1]]
    assert len({len(row) for row in rows}) == 1
    few = table(ann.get("/api/v1/usage/calls?format=csv&limit=4"))
    assert [row[0] for row in few[1:]] == ids[:5:-1]


def test_a_key_needs_a_scope_to_see_usage(ann: Api, services: Services) -> None:
    reader = ann.with_key(make_key(services, "ann", Scope.READ))

    assert reader.get("/api/v1/usage").status_code == 200
    assert reader.with_key(None).get("/api/v1/usage").status_code == 401


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.setenv("DATABASE_URL", settings.database_url.get_secret_value())
    monkeypatch.setenv("REDIS_URL", settings.redis_url.get_secret_value())

    def invoke(*words: str) -> str:
        done = CliRunner().invoke(commands, ["usage", *words])
        assert done.exit_code == 0, done.output
        return done.output

    return invoke


def test_the_command_line_tells_usage(run: Callable[..., str], kept: Kept) -> None:
    kept(("ann", {"completion_tokens": 3}), ("bob", {"state": "failed"}))

    heads, ann, bob, total = run("--group-by", "user", "--group-by", "node").split(
        "\n"
    )[:-1]

    assert heads.split()[:4] == ["user_id", "user", "node", "requests"]
    assert ann.split()[1:6] == ["ann", "-", "1", "1", "0"]
    assert bob.split()[1:6] == ["bob", "-", "1", "0", "1"]
    assert total.split() == ["total", "2", "1", "1", "0", "0", "0", "3", "3"]
    assert f"{HOUR:%Y-%m-%d %H:00}" in run("--group-by", "hour", "--days", "3")
    rows = list(csv.reader(io.StringIO(run("--csv", "--group-by", "model"))))
    assert rows[1][:2] == ["asked:latest", "2"]
