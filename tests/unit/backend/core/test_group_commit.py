"""JOBS.md 10: group commit and its pitfalls."""

import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from backend.core.group_commit import GroupCommit

PATIENCE_SECONDS = 10


class BadRowError(Exception):
    """A row that fails."""


class TornOutError(BaseException):
    """What kills a greenlet is no Exception."""


class Runs:
    """Runs batches; the first waits until it is let go, so that a crowd gathers."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.began = threading.Event()
        self.go_on = threading.Event()
        self.fail: Callable[[Sequence[int]], None] = lambda items: None

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        if len(self.batches) == 1:
            self.began.set()
            assert self.go_on.wait(PATIENCE_SECONDS)
        self.fail(items)
        return [item * 10 for item in items]


@pytest.fixture
def runs() -> Runs:
    return Runs()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(64) as pool:
        yield pool


class Gate:
    """A follower's gate that tells when the follower stands before it."""

    def __init__(self, lock: threading.Lock, reached: threading.Semaphore) -> None:
        self.release = lock.release
        self._lock = lock
        self._reached = reached

    def acquire(self) -> bool:
        self._reached.release()
        return self._lock.acquire()


class Queue(deque[Any]):
    """Entries that wait, and those among them that stand before their gate."""

    def __init__(self) -> None:
        super().__init__()
        self._reached = threading.Semaphore(0)

    def append(self, entry: Any) -> None:
        entry.gate = Gate(entry.gate, self._reached)
        super().append(entry)

    def await_follower(self) -> None:
        """Wait until one more follower stands before its gate."""
        assert self._reached.acquire(timeout=PATIENCE_SECONDS)


def queue_of(commit: GroupCommit[int, int]) -> Queue:
    """Give the commit's queue, one that can be watched."""
    if not isinstance(commit._waiting, Queue):
        commit._waiting = Queue()
    return commit._waiting


def crowd(
    pool: ThreadPoolExecutor, commit: GroupCommit[int, int], runs: Runs, items: range
) -> "list[Future[int]]":
    """Let one lead with item 0 and all others wait behind it, in order."""
    queue = queue_of(commit)
    futures = [pool.submit(commit, 0)]
    assert runs.began.wait(PATIENCE_SECONDS)
    for item in items:
        futures.append(pool.submit(commit, item))
        queue.await_follower()
    return futures


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


def test_a_caller_that_is_torn_out_while_it_waits_is_left_out(
    runs: Runs, pool: ThreadPoolExecutor
) -> None:
    def tear_it_out() -> None:
        queue_of(commit).await_follower()
        tear_main_out()

    commit = GroupCommit(runs)
    crowd(pool, commit, runs, range(0))
    pool.submit(tear_it_out)
    with tearable(), pytest.raises(TornOutError):
        commit(1)

    runs.go_on.set()
    assert commit(2) == 20
    assert runs.batches == [[0], [2]]


def test_a_caller_that_is_torn_out_of_a_batch_leaves_its_neighbours_alone(
    runs: Runs, pool: ThreadPoolExecutor
) -> None:
    def go_on_with_it() -> None:
        queue_of(commit).await_follower()
        runs.go_on.set()

    def tear_it_out(items: Sequence[int]) -> None:
        if 2 in items:
            tear_main_out()
            assert is_gone.wait(PATIENCE_SECONDS)

    is_gone = threading.Event()
    runs.fail = tear_it_out
    commit = GroupCommit(runs)
    futures = crowd(pool, commit, runs, range(1, 2))
    pool.submit(go_on_with_it)
    with tearable(), pytest.raises(TornOutError):
        commit(2)
    is_gone.set()

    assert futures[1].result(PATIENCE_SECONDS) == 10
    assert commit(3) == 30
    assert runs.batches == [[0], [1, 2], [3]]


def test_a_leader_that_is_torn_out_while_it_steps_back_passes_the_lead_on(
    runs: Runs, pool: ThreadPoolExecutor
) -> None:
    def gather() -> None:
        if not steps:
            steps.append(pool.submit(commit, 4))
            queue_of(commit).await_follower()
            raise TornOutError

    steps: list[Future[int]] = []
    commit = GroupCommit(runs, gather=gather)
    futures = crowd(pool, commit, runs, range(1, 3))
    runs.go_on.set()
    assert [future.result(PATIENCE_SECONDS) for future in futures] == [0, 10, 20]

    with pytest.raises(TornOutError):
        commit(3)

    assert steps[0].result(PATIENCE_SECONDS) == 40
    assert runs.batches == [[0], [1, 2], [4]]


@contextmanager
def tearable() -> Iterator[None]:
    """Let a signal tear this thread out of what it waits for."""

    def torn(*_: object) -> None:
        raise TornOutError

    before = signal.signal(signal.SIGUSR1, torn)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)


def tear_main_out() -> None:
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, signal.SIGUSR1)


def test_an_heir_that_is_torn_out_passes_the_lead_on(
    runs: Runs, pool: ThreadPoolExecutor
) -> None:
    commit = GroupCommit(runs)
    futures = crowd(pool, commit, runs, range(1, 4))
    heir = commit._waiting[0]
    heir.leads = True  # handed over in the instant in which its caller was torn out

    commit._abandon(heir)
    runs.go_on.set()

    assert futures[2].result(PATIENCE_SECONDS) == 20
    assert futures[3].result(PATIENCE_SECONDS) == 30
    heir.gate.release()


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
