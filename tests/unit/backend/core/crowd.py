"""Crowds before a group commit: callers that lead, and that say when they wait."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from backend.core.group_commit import GroupCommit

PATIENCE_SECONDS = 10


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
