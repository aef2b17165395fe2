"""Callers of a group commit that are torn out, as a killed greenlet is."""

import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from backend.core.group_commit import GroupCommit
from tests.unit.backend.core.crowd import (
    PATIENCE_SECONDS,
    Runs,
    TornOutError,
    crowd,
    queue_of,
)


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


is_torn = threading.Event()


@contextmanager
def tearable() -> Iterator[None]:
    """Let a signal tear this thread out of what it waits for, once."""

    def torn(*_: object) -> None:
        if not is_torn.is_set():
            is_torn.set()
            raise TornOutError

    is_torn.clear()
    signal.signal(signal.SIGUSR1, torn)
    try:
        yield
    finally:
        # One that comes late would end the process.
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)


def tear_main_out() -> None:
    main = threading.main_thread().ident
    assert main is not None
    # In the instant before a wait a signal is noticed only when the wait is over.
    while not is_torn.wait(0.05):
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
