"""Group commit: callers that arrive during a round trip share the next one.

A caller puts its item in. If nobody is under way it leads: it takes all that wait, runs
them as one, hands each its own outcome and passes the lead on. Alone this adds no wait;
together it makes the durable path fast (JOBS.md 10).
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


def step_back() -> None:
    """Let all that are ready run first: greenlets or threads, without waiting."""
    time.sleep(0)


class _Entry(Generic[Item, Outcome]):
    __slots__ = ("error", "gate", "item", "leads", "outcome", "size")

    def __init__(self, item: Item, size: int) -> None:
        self.item = item
        self.size = size
        self.leads = False
        self.outcome: Outcome | None = None
        self.error: BaseException | None = None
        self.gate = threading.Lock()
        self.gate.acquire()


class GroupCommit(Generic[Item, Outcome]):
    """Runs the items of concurrent callers together.

    `run` gets a list of items and returns their outcomes in the same order. When it
    raises one of `split_on` for several items, each is run again alone, so that one bad
    row does not fail its neighbours; so `run` must have undone everything by then.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Sequence[Outcome]],
        *,
        split_on: tuple[type[BaseException], ...] = (),
        size: Callable[[Item], int] = lambda _: 0,
        max_items: int = 200,
        max_bytes: int = 4 * 1024 * 1024,
        gather: Callable[[], None] = lambda: None,
    ) -> None:
        """Bound a batch by rows and bytes (the server's `max_allowed_packet`).

        `gather` lets a leader step back for a moment, so that those who are ready to
        come in this very instant come along; it must not wait for anybody. It is
        called only while there are others, as the last batch tells.
        """
        self._gather = gather
        self._run = run
        self._split_on = split_on
        self._size = size
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._waiting: deque[_Entry[Item, Outcome]] = deque()
        self._busy = False
        self._crowded = False

    def __call__(self, item: Item) -> Outcome:
        """Run the item with whatever else waits and give its outcome.

        Raises:
            BaseException: What `run` raised for this item.
        """
        entry: _Entry[Item, Outcome] = _Entry(item, self._size(item))
        if self._enter(entry):
            self._wait_for_others(entry)
            self._lead(entry)
        if entry.error is not None:
            raise entry.error
        return entry.outcome  # type: ignore[return-value]  # set unless error is

    def _enter(self, entry: _Entry[Item, Outcome]) -> bool:
        with self._lock:
            self._waiting.append(entry)
            entry.leads, self._busy = not self._busy, True
        if not entry.leads:
            is_let_in = False
            try:
                # Until a leader has run this entry, or hands over the lead.
                is_let_in = entry.gate.acquire()
            finally:
                if not is_let_in:
                    self._abandon(entry)
        return entry.leads

    def _wait_for_others(self, entry: _Entry[Item, Outcome]) -> None:
        if not self._crowded:
            return
        is_back = False
        try:
            self._gather()
            is_back = True
        finally:
            if not is_back:
                self._abandon(entry)

    def _abandon(self, entry: _Entry[Item, Outcome]) -> None:
        """Leave: the caller was torn out (a killed greenlet) while it waited."""
        with self._lock:
            # In a batch that is under way its outcome is nobody's any more.
            if entry in self._waiting:
                self._waiting.remove(entry)
            leads = entry.leads
        if leads:
            self._hand_over()

    def _lead(self, me: _Entry[Item, Outcome]) -> None:
        batch = self._take_batch()
        try:
            self._run_batch(batch)
        except BaseException as error:  # noqa: BLE001 — followers are released whatever happens to the leader
            for entry in batch:
                entry.error = entry.error or error
        finally:
            self._hand_over()
            for entry in batch:
                if entry is not me:
                    entry.gate.release()

    def _take_batch(self) -> list[_Entry[Item, Outcome]]:
        batch: list[_Entry[Item, Outcome]] = []
        room = self._max_bytes
        with self._lock:
            while self._waiting and len(batch) < self._max_items:
                if batch and self._waiting[0].size > room:
                    break
                entry = self._waiting.popleft()
                room -= entry.size
                batch.append(entry)
            self._crowded = len(batch) > 1 or bool(self._waiting)
        return batch

    def _run_batch(self, batch: list[_Entry[Item, Outcome]]) -> None:
        try:
            outcomes = self._run([entry.item for entry in batch])
        except self._split_on:
            if len(batch) == 1:
                raise
            for entry in batch:
                self._run_alone(entry)
        else:
            for entry, outcome in zip(batch, outcomes, strict=True):
                entry.outcome = outcome

    def _run_alone(self, entry: _Entry[Item, Outcome]) -> None:
        try:
            entry.outcome = self._run([entry.item])[0]
        except Exception as error:  # noqa: BLE001 — it is raised in its own caller
            entry.error = error

    def _hand_over(self) -> None:
        with self._lock:
            heir = self._waiting[0] if self._waiting else None
            self._busy = heir is not None
            if heir is not None:
                heir.leads = True
                heir.gate.release()
