"""The raw list of calls: filters, order, pages."""

from datetime import timedelta
from typing import Any

import pytest

from backend.core.db import Database
from backend.core.errors import InvalidRequestError
from backend.core.jobs.states import ErrorCode, State
from backend.core.keys import Keys, Scope
from backend.core.usage import calls
from backend.core.usage.calls import CallRecord, UsageCalls, Which
from backend.core.usage.grouping import Only
from tests.integration.core.calls import EVERYTHING, at, call, ended

ALL = Which(EVERYTHING)


def listed(
    database: Database, which: Which = ALL, *, limit: int = 100, **more: Any
) -> list[CallRecord]:
    pages = UsageCalls(database).pages(which, limit=limit, **more)
    return [one for page in pages for one in page]


def test_a_call_is_listed_with_its_times_and_names(database: Database) -> None:
    _, key = Keys(database).create(user="ada", name="laptop", scopes=[Scope.READ])
    made = at(0)
    ended(
        database,
        call(
            made + timedelta(milliseconds=700),
            created_at=made,
            started_at=made + timedelta(milliseconds=40),
            first_token_at=made + timedelta(milliseconds=100),
            owner_id=key.user_id,
            key_id=key.id,
            served_model="served:latest",
            node="gpu-1",
            attempt=2,
            prompt_tokens=3,
            completion_tokens=4,
        ),
    )

    (one,) = listed(database)

    assert (one.user, one.key_prefix, one.key_name) == ("ada", key.prefix, "laptop")
    assert (one.model, one.served_model, one.node) == (
        "Asked",
        "served:latest",
        "gpu-1",
    )
    assert (one.queue_ms, one.first_token_ms, one.total_ms) == (40, 100, 700)
    assert (one.state, one.attempts, one.error_code) == ("succeeded", 2, None)
    assert (one.prompt_tokens, one.completion_tokens) == (3, 4)


def test_what_never_ran_has_no_times_of_running(database: Database) -> None:
    ended(database, call(at(0), state="expired"))

    (one,) = listed(database)

    assert (one.queue_ms, one.first_token_ms, one.total_ms) == (None, None, 2_000)


def test_only_calls_that_have_ended_are_listed(database: Database) -> None:
    ended(database, call(at(0), kind="load"), call(None, state="running"))

    assert listed(database) == []


@pytest.mark.parametrize(
    ("which", "found"),
    [
        (Which(EVERYTHING, begins=at(1)), [2, 1]),
        (Which(EVERYTHING, ends=at(1)), [0]),
        (Which(EVERYTHING, state=State.FAILED), [1]),
        (Which(EVERYTHING, error_code=ErrorCode.QUEUE_TIMEOUT), [2]),
        (Which(Only(owner_id=2)), [2]),
        (Which(Only(model="served:1")), [0]),
    ],
)
def test_calls_are_narrowed(database: Database, which: Which, found: list[int]) -> None:
    ids = ended(
        database,
        call(at(0), served_model="served:1"),
        call(at(1), state="failed", error_code="stalled"),
        call(at(2), state="expired", error_code="queue_timeout", owner_id=2),
    )

    assert [ids.index(one.id) for one in listed(database, which)] == found


def test_calls_are_read_in_pages_newest_first(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "_PAGE", 3)
    # Some end in the same instant.
    ids = ended(database, *[call(at(number // 4)) for number in range(10)])
    newest_first = ids[::-1]

    assert [one.id for one in listed(database)] == newest_first
    assert [one.id for one in listed(database, limit=7)] == newest_first[:7]
    after = newest_first[4]
    assert [one.id for one in listed(database, after=after)] == newest_first[5:]
    assert listed(database, after=ids[0]) == []
    pages = [*UsageCalls(database).pages(ALL, limit=9)]
    assert [len(page) for page in pages] == [3, 3, 3]


def test_a_place_must_be_a_call_that_the_asker_sees(database: Database) -> None:
    theirs, running = ended(database, call(at(0)), call(None, state="running"))
    own = Which(Only(owner_id=2))

    for which, after in ((own, theirs), (ALL, running), (ALL, "no-such-call")):
        with pytest.raises(InvalidRequestError) as refused:
            UsageCalls(database).pages(which, limit=1, after=after)
        assert refused.value.errors[0].field == "after"
