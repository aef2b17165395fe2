"""Grouping and narrowing, alike for what is rolled up and what is not."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from backend.core.db import Database
from backend.core.errors import InvalidRequestError
from backend.core.jobs.states import Kind, Protocol
from backend.core.keys import Keys, Scope
from backend.core.usage import sums
from backend.core.usage.grouping import Dimension, Only
from backend.core.usage.hours import Period
from backend.core.usage.rollup import Rollup
from backend.core.usage.sums import Counts
from tests.integration.core.calls import at, call, ended, lines, total

D = Dimension
Settle = Callable[[Database], None]


def _leave(_: Database) -> None:
    """Leave all live."""


def _roll(database: Database) -> None:
    assert Rollup(database).run(now=at(99)) > 0


@pytest.fixture(params=[_leave, _roll], ids=["live", "rolled up"])
def settle(request: pytest.FixtureRequest) -> Settle:
    """Give what is done between the calls' ends and the question."""
    found: Settle = request.param
    return found


@pytest.fixture
def key(database: Database) -> tuple[int, int, str]:
    _, row = Keys(database).create(user="ada", name="laptop", scopes=[Scope.READ])
    return row.id, row.user_id, row.prefix


def test_calls_are_counted_by_how_they_ended_with_their_tokens(
    database: Database, settle: Settle
) -> None:
    ended(
        database,
        call(at(0), prompt_tokens=5, completion_tokens=7),
        call(at(0), prompt_tokens=1),
        call(at(0), state="failed", completion_tokens=2),
        call(at(0), state="cancelled", completion_tokens=3),
        call(at(0), state="expired"),
        call(None, state="running", completion_tokens=100),
    )
    settle(database)

    assert total(database) == Counts(
        requests=5,
        succeeded=2,
        failed=1,
        cancelled=1,
        expired=1,
        prompt_tokens=6,
        completion_tokens=12,
    )


def test_nothing_is_a_line_of_zeros_in_all_and_no_line_of_a_group(
    database: Database,
) -> None:
    assert total(database) == Counts()
    assert lines(database, D.MODEL) == []


def test_a_group_has_the_names_of_its_key_and_user(
    database: Database, settle: Settle, key: tuple[int, int, str]
) -> None:
    key_id, user_id, prefix = key
    ended(
        database,
        call(at(0), key_id=key_id, owner_id=user_id),
        call(at(0), key_id=12_345, owner_id=77),
        call(at(0), key_id=None, owner_id=77),
    )
    settle(database)

    assert [line.group for line in lines(database, D.KEY, D.USER)] == [
        {
            "key_id": None,
            "key_prefix": None,
            "key_name": None,
            "user_id": 77,
            "user": None,
        },
        {
            "key_id": key_id,
            "key_prefix": prefix,
            "key_name": "laptop",
            "user_id": user_id,
            "user": "ada",
        },
        {
            "key_id": 12_345,
            "key_prefix": None,
            "key_name": None,
            "user_id": 77,
            "user": None,
        },
    ]


def test_the_model_is_who_served_or_who_was_asked(
    database: Database, settle: Settle
) -> None:
    ended(
        database,
        call(at(0), model="a:1", served_model="b:1"),
        call(at(0), model="a:1", state="failed"),
    )
    settle(database)

    groups = [line.group for line in lines(database, D.MODEL)]
    assert groups == [{"model": "a:1"}, {"model": "b:1"}]


def test_what_never_ran_has_no_node(database: Database, settle: Settle) -> None:
    ended(database, call(at(0), state="expired"), call(at(0), node="gpu-1"))
    settle(database)

    groups = [line.group for line in lines(database, D.NODE)]
    assert groups == [{"node": None}, {"node": "gpu-1"}]


def test_groups_come_in_their_order_by_hour_and_day(
    database: Database, settle: Settle
) -> None:
    ended(database, *[call(at(hour)) for hour in (13.5, 0.2, 0.9, 12)])
    settle(database)

    days = [(g.group["day"], g.counts.requests) for g in lines(database, D.DAY)]
    hours = [(g.group["hour"], g.counts.requests) for g in lines(database, D.HOUR)]
    assert days == [("2026-03-01", 2), ("2026-03-02", 2)]
    assert hours == [(at(0), 2), (at(12), 1), (at(13), 1)]
    both = lines(database, D.KIND, D.DAY)
    assert [tuple(line.group) for line in both] == [("kind", "day")] * 2


@pytest.mark.parametrize(
    ("only", "requests"),
    [
        (Only(owner_id=1), 1),
        (Only(model="m:1"), 1),
        (Only(node="n"), 2),
        (Only(kind=Kind.EMBED), 1),
        (Only(protocol=Protocol.OPENAI), 2),
        (Only(protocol=Protocol.OPENAI, node="n"), 1),
        (Only(key="no-such-key"), 0),
        (Only(user="nobody"), 0),
        (Only(key="9" * 30), 0),
    ],
)
def test_usage_is_narrowed(
    database: Database, settle: Settle, only: Only, requests: int
) -> None:
    ended(
        database,
        call(at(0), owner_id=1, node="n", model="m:1"),
        call(at(0), owner_id=2, node="n", protocol="openai"),
        call(at(0), owner_id=3, kind="embed", protocol="openai", key_id=4),
    )
    settle(database)

    assert total(database, only=only).requests == requests


def test_keys_and_users_are_named_by_id_or_name(
    database: Database, settle: Settle, key: tuple[int, int, str]
) -> None:
    key_id, user_id, prefix = key
    mine = call(at(0), key_id=key_id, owner_id=user_id)
    ended(database, mine, call(at(0), key_id=key_id + 1, owner_id=user_id + 1))
    settle(database)

    for only in (
        Only(key=prefix),
        Only(key=str(key_id)),
        Only(user="ada"),
        Only(user=str(user_id)),
    ):
        assert total(database, only=only).requests == 1


@pytest.mark.parametrize(
    ("begins", "ends", "requests"),
    [(0, 1, 2), (0, 2, 3), (1, 2, 1), (1, None, 2), (4, None, 0)],
)
def test_a_period_begins_with_its_first_hour_and_ends_before_its_last(
    database: Database, settle: Settle, begins: int, ends: int | None, requests: int
) -> None:
    ended(database, *[call(at(hour)) for hour in (0, 0.999, 1, 2)])
    settle(database)

    until: datetime | None = None if ends is None else at(ends)
    assert total(database, period=Period(at(begins), until)).requests == requests


def test_more_groups_than_an_answer_holds_are_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sums, "MOST_LINES", 2)
    ended(database, *[call(at(0), node=str(n)) for n in range(3)])

    with pytest.raises(InvalidRequestError, match="more than 2 groups"):
        lines(database, D.NODE)


def test_parts_add_up() -> None:
    one = Counts(requests=2, failed=2, completion_tokens=5)
    other: Any = Counts(requests=1, succeeded=1, prompt_tokens=3)

    assert Counts.total([one, other]) == Counts(3, 1, 2, 0, 0, 3, 5)
    assert Counts.total([]) == Counts()
