"""Changing keys that there are."""

from datetime import UTC, datetime

import pytest

from backend.core.account_errors import (
    KeyNotFoundError,
    KeyWasUsedError,
    SessionEndedError,
)
from backend.core.db import Database, transaction
from backend.core.errors import (
    DisabledKeyError,
    InvalidKeyError,
)
from backend.core.jobs.states import Priority
from backend.core.keys import Scope
from backend.core.limits.decision import Allowance, Limits
from backend.core.models import ApiKey, UsageHour
from tests.factories import insert, new_job
from tests.integration.core.keys_bench import Bench

COUNTS = (
    "requests",
    "succeeded",
    "failed",
    "cancelled",
    "expired",
    "prompt_tokens",
    "completion_tokens",
)


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


def test_a_key_is_found_by_its_id_and_by_its_prefix(bench: Bench) -> None:
    bench.make(user="bob")
    _, made = bench.make()

    for named in (str(made.id), made.prefix):
        key, user = bench.registry.get(named)
        assert (key.id, user.name) == (made.id, "ada")


@pytest.mark.parametrize(
    "key", ["0", "999999", "9" * 30, "corral-nobody", "", "½", "-1"]
)
def test_a_key_that_is_not_there_is_not_found(bench: Bench, key: str) -> None:
    registry = bench.registry
    bench.make()

    for ask in (
        lambda: registry.get(key),
        lambda: registry.update(key, {"rpm": 1}, actor="root"),
        lambda: registry.rotate(key, overlap_seconds=0, actor="root"),
        lambda: registry.disable(key, actor="root"),
        lambda: registry.enable(key, actor="root"),
        lambda: registry.delete(key, actor="root"),
    ):
        with pytest.raises(KeyNotFoundError):
            ask()


def test_a_key_carries_its_limits(bench: Bench) -> None:
    secret, made = bench.make(rpm=1, tpm=2, daily_tokens=3, max_concurrency=4)

    assert bench.keys.recognise(secret).limits == Allowance(made.id, Limits(1, 2, 3, 4))
    only_one, other = bench.make(max_concurrency=4)
    limits = bench.keys.recognise(only_one).limits
    assert limits == Allowance(other.id, Limits(max_concurrency=4))


def test_what_is_changed_holds_at_once_and_the_rest_stays(bench: Bench) -> None:
    secret, made = bench.make(rpm=5, weight=2.0, allowed_models=["a:1"])

    bench.registry.update(
        str(made.id),
        {
            "name": "desk",
            "rpm": None,
            "tpm": 7,
            "scopes": ["read"],
            "highest_priority": "low",
            "allowed_models": None,
        },
        actor="carl",
    )

    caller = bench.keys.recognise(secret)
    assert (caller.key_name, caller.weight) == ("desk", 2.0)
    assert caller.scopes == {Scope.READ}
    assert caller.highest_priority is Priority.LOW
    assert caller.may_use("b:1")
    assert caller.limits == Allowance(made.id, Limits(tpm=7))


def test_only_what_really_changed_is_written_down(bench: Bench) -> None:
    _, made = bench.make(rpm=5)
    registry = bench.registry
    registry.update(made.prefix, {"rpm": 5, "tpm": 7}, actor="carl")
    registry.update(made.prefix, {"rpm": 5}, actor="carl")

    assert bench.events()[1:] == [("key.updated", "carl", made.prefix, {"tpm": 7})]


def test_a_key_is_disabled_and_enabled_again(bench: Bench) -> None:
    secret, key = bench.make()
    for _ in range(2):
        bench.registry.disable(str(key.id), actor="carl")
        with pytest.raises(DisabledKeyError):
            bench.keys.recognise(secret)
    for _ in range(2):
        bench.registry.enable(key.prefix, actor="dora")
        bench.keys.recognise(secret)

    assert bench.events() == [
        ("key.created", "root", key.prefix, None),
        ("key.disabled", "carl", key.prefix, None),
        ("key.enabled", "dora", key.prefix, None),
    ]


def test_a_key_that_no_job_names_is_deleted_with_its_sessions(bench: Bench) -> None:
    secret, key = bench.make()
    token, _, _ = bench.keys.open_session(secret, lifetime_ms=60_000)
    insert(bench.database, new_job(owner_id=key.user_id, key_id=None))
    insert(bench.database, new_job(owner_id=key.user_id + 1, key_id=key.id + 1))

    bench.registry.delete(key.prefix, actor="carl")

    with pytest.raises(InvalidKeyError):
        bench.keys.recognise(secret)
    with pytest.raises(SessionEndedError):
        bench.keys.recognise(token)
    deleted = ("key.deleted", "carl", key.prefix, {"name": "laptop"})
    assert bench.events()[-1] == deleted


def test_a_key_that_a_job_names_stays(bench: Bench) -> None:
    secret, key = bench.make()
    insert(bench.database, new_job(owner_id=key.user_id, key_id=key.id))

    with pytest.raises(KeyWasUsedError, match="disable it instead"):
        bench.registry.delete(key.prefix, actor="carl")
    bench.keys.recognise(secret)
    assert len(bench.events()) == 1


def test_a_key_that_usage_names_stays_when_its_jobs_are_gone(bench: Bench) -> None:
    _, key = bench.make()
    counts = dict.fromkeys(COUNTS, 1)
    row = UsageHour(
        hour=datetime(2026, 1, 1, tzinfo=UTC),
        user_id=key.user_id,
        key_id=key.id,
        model="tiny-chat:latest",
        node="local",
        kind="chat",
        protocol="native",
        **counts,
    )
    with transaction(bench.database.sessions) as session:
        session.add(row)

    with pytest.raises(KeyWasUsedError):
        bench.registry.delete(key.prefix, actor="carl")


def test_what_stands_for_logins_is_no_key_to_be_changed(bench: Bench) -> None:
    _, key = bench.make()
    with transaction(bench.database.sessions) as session:
        session.get_one(ApiKey, key.id).is_login = True

    with pytest.raises(KeyNotFoundError):
        bench.registry.get(str(key.id))
