"""JOBS.md 9, 10: claims and ends of many threads in few statements."""

from dataclasses import replace
from typing import Any

import pytest

from backend.core.errors import DatabaseUnavailableError
from backend.core.jobs.states import State
from backend.core.limits.reservations import Settlement
from tests.factories import MODEL, claimed_job, due_job, finish_of
from tests.fakes.generation import (
    FakeClaim,
    FakeFinish,
    FakeFlusher,
    FakeReservations,
)
from worker.generation.ledger import End, Ledger, Want
from worker.holdings import Holdings

LANE = f"gen:{MODEL}"
OTHER = "gen:other:latest"


def ledger(claim: FakeClaim, finish: FakeFinish | None = None) -> Ledger:
    parts: Any = (claim, finish or FakeFinish(), FakeFlusher(), FakeReservations())
    return Ledger(*parts, sleep=lambda _: None)


def ids(outcome: list[Any]) -> list[str | None]:
    return [None if job is None else job.id for job in outcome]


def test_the_best_due_job_of_the_lane_is_claimed() -> None:
    claim = FakeClaim(due_job(id="a"), due_job(id="b"))

    got = ledger(claim).claim(Want(LANE))

    assert got is not None
    assert (got.id, got.attempt) == ("a", 1)
    assert ledger(claim).claim(Want(OTHER)) is None


def test_a_hinted_job_is_claimed_without_a_look() -> None:
    hint = due_job(id="b")
    claim = FakeClaim(due_job(id="a"), hint)

    got = ledger(claim).claim(Want(LANE, hint))

    assert got is not None
    assert got.id == "b"
    assert claim.looks == 0


def test_a_hint_that_another_took_is_only_a_hint() -> None:
    claim = FakeClaim(due_job(id="a"))

    got = ledger(claim).claim(Want(LANE, due_job(id="gone")))

    assert got is not None
    assert got.id == "a"


def test_many_slots_are_served_by_one_claim_per_lane() -> None:
    hint = due_job(id="h")
    claim = FakeClaim(due_job(id="a"), hint, due_job(id="x", model="other:latest"))
    wants = [Want(LANE), Want(LANE, hint), Want(LANE, hint), Want(OTHER)]

    got = ledger(claim)._claim_batch(wants)

    assert ids(got) == ["h", "a", None, "x"]


def test_jobs_that_others_took_are_looked_past() -> None:
    class Contended(FakeClaim):
        def take(self, due: Any) -> Any:
            if self.looks == 1:
                self.due = self.due[2:]
            return super().take(due)

    claim = Contended(*[due_job(id=name) for name in "abcd"])

    assert ids(ledger(claim)._claim_batch([Want(LANE), Want(LANE)])) == ["c", "d"]


def test_an_outage_is_told() -> None:
    claim = FakeClaim()
    claim.outages = [True]

    with pytest.raises(DatabaseUnavailableError):
        ledger(claim).claim(Want(LANE))


def test_an_outage_after_a_claim_leaves_no_claimed_job_alone() -> None:
    hint = due_job(id="h")
    claim = FakeClaim(hint, due_job(id="x", model="other:latest"))
    claim.outages = [False, True]
    assert ids(ledger(claim)._claim_batch([Want(LANE, hint), Want(LANE)])) == [
        "h",
        None,
    ]

    claim = FakeClaim(due_job(id="a"))
    claim.outages = [False, False, False, True]
    wants = [Want(LANE), Want(OTHER)]
    assert ids(ledger(claim)._claim_batch(wants)) == ["a", None]


def end(job_id: str) -> End:
    holding = Holdings().hold(claimed_job(id=job_id))
    return End(finish_of(holding.job, state=State.SUCCEEDED), holding.stream, b"{}")


def test_a_zombie_does_not_refuse_its_neighbours_ends() -> None:
    finish = FakeFinish()
    finish.superseded = {"z"}
    books = ledger(FakeClaim(), finish)

    assert not books.finish([end("z")], superseded=lambda: False)[0]
    assert books.finish([end("a")], superseded=lambda: False)[0]
    assert books.finish([end("z"), end("b")], superseded=lambda: False) == [False, True]
    assert set(finish.ends) == {"a", "b"}


def test_rule_2_ends_are_tried_again_until_all_of_them_are_anothers() -> None:
    finish = FakeFinish()
    finish.outages = 2
    books = ledger(FakeClaim(), finish)

    assert books.finish([end("a"), end("b")], superseded=lambda: False) == [True, True]
    assert books.finish([end("c")], superseded=lambda: True) == [False]


def test_ends_of_several_calls_share_a_commit_and_each_hears_its_own() -> None:
    finish = FakeFinish()
    finish.superseded = {"z"}
    books = ledger(FakeClaim(), finish)
    groups = [[end("a"), end("z")], [end("b")]]

    assert books._end_batch(groups) == [[True, False], [True]]
    assert len(finish.batches) == 1


def test_an_end_is_settled_once_it_counts_and_before_anybody_hears_of_it() -> None:
    told: list[Any] = []

    class Books(FakeReservations):
        def settle(self, settlements: Any) -> int:
            told.append(list(settlements))
            return 0

    class Streams(FakeFlusher):
        def end(self, ends: Any) -> None:
            told.append([stream.job_id for stream, _, _ in ends])

    finish = FakeFinish()
    finish.superseded = {"z"}
    parts: Any = (FakeClaim(), finish, Streams(), Books())
    ends = [limited_end("a"), limited_end("z"), end("free")]

    Ledger(*parts)._end_batch([ends])

    assert told == [[Settlement(5, "a", 7)], ["a", "free"]]


def limited_end(job_id: str) -> End:
    free = end(job_id)
    finish = replace(free.finish, prompt_tokens=3, completion_tokens=4)
    return replace(free, finish=finish, limits_id=5)


def test_more_jobs_are_claimed_as_they_were_read() -> None:
    jobs = [due_job(id="a"), due_job(id="b")]
    books = ledger(FakeClaim(*jobs))

    assert books.any_due(LANE)
    assert books.look(LANE, 9) == jobs
    assert ids(books.take(jobs)) == ["a", "b"]  # type: ignore[arg-type]  # a list
    assert not books.any_due(LANE)
