"""JOBS.md 10: group commit and its pitfalls."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from backend.core.group_commit import GroupCommit
from tests.unit.backend.core.crowd import PATIENCE_SECONDS, Runs, TornOutError, crowd


class BadRowError(Exception):
    """A row that fails."""


def test_one_caller_alone_runs_at_once() -> None:
    commit: GroupCommit[int, int] = GroupCommit(lambda items: [i + 1 for i in items])

    assert commit(1) == 2
    assert commit(2) == 3


def test_only_in_a_crowd_a_leader_steps_back(
    pool: ThreadPoolExecutor, runs: Runs
) -> None:
    steps: list[int] = []
    commit = GroupCommit(runs, gather=lambda: steps.append(len(runs.batches)))

    futures = crowd(pool, commit, runs, range(1, 3))
    assert steps == []
    runs.go_on.set()
    assert [future.result(PATIENCE_SECONDS) for future in futures] == [0, 10, 20]
    assert steps == []
    commit(3)
    commit(4)

    assert steps == [2]


def test_rule_10_who_comes_during_a_run_shares_the_next(
    runs: Runs, pool: ThreadPoolExecutor
) -> None:
    commit = GroupCommit(runs)
    futures = crowd(pool, commit, runs, range(1, 6))

    runs.go_on.set()

    assert [f.result(PATIENCE_SECONDS) for f in futures] == [0, 10, 20, 30, 40, 50]
    assert runs.batches == [[0], [1, 2, 3, 4, 5]]


def test_a_batch_is_bound_by_rows_and_the_lead_passes_on(
    runs: Runs, pool: ThreadPoolExecutor
) -> None:
    commit = GroupCommit(runs, max_items=2)
    futures = crowd(pool, commit, runs, range(1, 6))

    runs.go_on.set()

    assert [f.result(PATIENCE_SECONDS) for f in futures] == [0, 10, 20, 30, 40, 50]
    assert runs.batches == [[0], [1, 2], [3, 4], [5]]


def test_rule_10_a_batch_is_bound_by_bytes_but_takes_one_item_of_any_size(
    runs: Runs, pool: ThreadPoolExecutor
) -> None:
    commit = GroupCommit(runs, size=lambda item: item, max_bytes=5)
    futures = crowd(pool, commit, runs, range(1, 8))

    runs.go_on.set()

    for future in futures:
        future.result(PATIENCE_SECONDS)
    assert runs.batches == [[0], [1, 2], [3], [4], [5], [6], [7]]


def test_rule_10_one_bad_row_does_not_fail_its_neighbours(
    runs: Runs, pool: ThreadPoolExecutor
) -> None:
    def fail(items: Sequence[int]) -> None:
        if 2 in items:
            raise BadRowError(f"in {items}")

    runs.fail = fail
    commit = GroupCommit(runs, split_on=(BadRowError,))
    futures = crowd(pool, commit, runs, range(1, 4))

    runs.go_on.set()

    assert futures[1].result(PATIENCE_SECONDS) == 10
    assert futures[3].result(PATIENCE_SECONDS) == 30
    with pytest.raises(BadRowError, match=r"in \[2\]"):
        futures[2].result(PATIENCE_SECONDS)


def test_one_bad_row_alone_is_not_run_twice() -> None:
    seen: list[Sequence[int]] = []

    def run(items: Sequence[int]) -> list[int]:
        seen.append(items)
        raise BadRowError

    commit: GroupCommit[int, int] = GroupCommit(run, split_on=(BadRowError,))

    with pytest.raises(BadRowError):
        commit(1)
    assert len(seen) == 1


@pytest.mark.parametrize("error", [RuntimeError, TornOutError])
def test_rule_10_followers_are_released_whatever_happens_to_the_leader(
    runs: Runs, pool: ThreadPoolExecutor, error: type[BaseException]
) -> None:
    def fail(items: Sequence[int]) -> None:
        if 1 in items:
            raise error

    runs.fail = fail
    commit = GroupCommit(runs, max_items=2)
    futures = crowd(pool, commit, runs, range(1, 5))

    runs.go_on.set()

    for future in futures[1:3]:
        assert isinstance(future.exception(PATIENCE_SECONDS), error)
    assert [f.result(PATIENCE_SECONDS) for f in futures[3:]] == [30, 40]
    assert commit(9) == 90


def test_a_run_that_answers_too_little_is_an_error_for_all() -> None:
    commit: GroupCommit[int, int] = GroupCommit(lambda _: [])

    with pytest.raises(ValueError, match="shorter"):
        commit(1)


def test_many_threads_each_get_their_own_outcome(pool: ThreadPoolExecutor) -> None:
    def run(items: Sequence[int]) -> list[int]:
        if len(items) > 1 and any(item % 50 == 7 for item in items):
            raise BadRowError
        if items[0] % 50 == 7:
            raise BadRowError(str(items[0]))
        return [item * 2 for item in items]

    commit = GroupCommit(run, split_on=(BadRowError,), max_items=16)

    def call(item: int) -> int | str:
        try:
            return commit(item)
        except BadRowError as error:
            return str(error)

    outcomes = list(pool.map(call, range(3_000)))

    assert outcomes == [str(i) if i % 50 == 7 else i * 2 for i in range(3_000)]
    assert not commit._busy
    assert not commit._waiting
