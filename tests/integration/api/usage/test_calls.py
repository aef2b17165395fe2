"""The list of calls over HTTP: filters, pages, CSV."""

from datetime import timedelta

import pytest

from backend.api.container import Services
from backend.api.schemas.views.usage import CallList
from backend.core.usage import calls
from tests.integration.api.caller import Api
from tests.integration.api.usage.conftest import Kept
from tests.integration.api.usage.told import HOUR, table
from tests.integration.core.calls import call, ended


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


def test_no_name_is_run_as_a_formula(admin: Api, services: Services) -> None:
    owner_id = services.keys.ensure_user('=HYPERLINK("http://evil.example","a")')
    ended(services.database, call(HOUR, owner_id=owner_id, requested_model="-1+1"))

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
