"""A key hands over to a successor."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.core.account_errors import (
    KeyInactiveError,
    KeyWasRotatedError,
)
from backend.core.db import Database, transaction
from backend.core.errors import (
    ExpiredKeyError,
)
from backend.core.jobs.states import Priority
from backend.core.limits.decision import Allowance, Limits
from backend.core.models import ApiKey
from tests.integration.core.keys_bench import Bench

DAY = 86_400


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


def test_a_rotated_key_has_a_successor_with_the_same_rights(bench: Bench) -> None:
    end = datetime(2100, 1, 1, tzinfo=UTC)
    old_secret, old = bench.make(
        rpm=1,
        tpm=2,
        daily_tokens=3,
        max_concurrency=4,
        weight=2.0,
        highest_priority=Priority.LOW,
        allowed_models=["a:1"],
        expires_at=end,
    )

    secret, (new, user) = bench.registry.rotate(
        str(old.id), overlap_seconds=DAY, actor="carl"
    )

    before, after = bench.keys.recognise(old_secret), bench.keys.recognise(secret)
    assert user.name == "ada"
    for same in ("user_id", "scopes", "weight", "highest_priority", "allowed_models"):
        assert getattr(before, same) == getattr(after, same)
    assert before.limits == after.limits == Allowance(old.id, Limits(1, 2, 3, 4))
    assert (after.key_name, after.expires_at) == ("laptop", end)
    assert before.expires_at is not None
    left = before.expires_at - datetime.now(UTC)
    assert timedelta(hours=23, minutes=59) < left <= timedelta(days=1)
    assert new.hash != old.hash
    (_, rotated) = bench.events()
    assert rotated[:3] == ("key.rotated", "carl", old.prefix)
    assert rotated[3]["successor"] == new.prefix


def test_without_an_overlap_the_old_secret_ends_at_once(bench: Bench) -> None:
    old_secret, old = bench.make()

    secret, _ = bench.registry.rotate(old.prefix, overlap_seconds=0, actor="carl")

    with pytest.raises(ExpiredKeyError):
        bench.keys.recognise(old_secret)
    bench.keys.recognise(secret)


def test_a_rotation_lets_no_key_live_longer(bench: Bench) -> None:
    end = datetime.now(UTC) + timedelta(hours=1)
    old_secret, old = bench.make(expires_at=end)

    secret, _ = bench.registry.rotate(old.prefix, overlap_seconds=DAY, actor="carl")

    for one in (old_secret, secret):
        assert bench.keys.recognise(one).expires_at == end


def test_all_keys_of_a_chain_are_one_lineage(bench: Bench) -> None:
    _, first = bench.make(rpm=1)
    secret, (second, _) = bench.registry.rotate(
        first.prefix, overlap_seconds=0, actor="carl"
    )
    last_secret, _ = bench.registry.rotate(
        second.prefix, overlap_seconds=DAY, actor="carl"
    )

    for one in (secret, last_secret):
        limits = bench.keys.recognise(one).limits
        assert limits is not None
        assert limits.lineage_id == first.id


def test_a_key_has_one_successor(bench: Bench) -> None:
    _, first = bench.make()

    def rotate(key: ApiKey) -> ApiKey:
        _, (new, _) = bench.registry.rotate(
            key.prefix, overlap_seconds=DAY, actor="carl"
        )
        return new

    second = rotate(first)
    third = rotate(second)

    for key in (first, second):
        with pytest.raises(KeyWasRotatedError):
            rotate(key)
    assert rotate(third).expires_at is None


def test_a_key_that_is_over_hands_over_to_nobody(bench: Bench) -> None:
    _, disabled = bench.make()
    bench.registry.disable(disabled.prefix, actor="carl")
    _, expired = bench.make(expires_at=datetime.now(UTC) - timedelta(seconds=1))

    for key in (disabled, expired):
        with pytest.raises(KeyInactiveError):
            bench.registry.rotate(key.prefix, overlap_seconds=DAY, actor="carl")
    assert len(bench.keys.list_all()) == 2


def test_a_key_is_rotated_though_its_user_made_another_with_it(bench: Bench) -> None:
    _, key = bench.make()
    _, child = bench.make()
    with transaction(bench.database.sessions) as session:
        session.get_one(ApiKey, child.id).lineage_id = key.id

    _, (successor, _) = bench.registry.rotate(
        str(key.id), overlap_seconds=0, actor="root"
    )

    assert successor.rotated_from == key.id
    assert successor.lineage_id == key.id
