"""What was asked of the simulator and what became of it."""

import time
from collections import Counter, deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ollama_sim.exchange import Exchange


class State(StrEnum):
    """Where a request is."""

    OPEN = "open"
    DONE = "done"
    CLIENT_CLOSED = "client_closed"


@dataclass(eq=False, slots=True)
class Record:
    """One request."""

    id: int
    method: str
    path: str
    headers: list[tuple[bytes, bytes]]
    started: float
    state: State = State.OPEN
    closed_at: float | None = None
    model: str | None = None
    status: int | None = None
    tokens_sent: int = 0
    fault: str | None = None

    # Any: JSON.
    def view(self) -> dict[str, Any]:
        """Show the record as JSON."""
        shown = {name: getattr(self, name) for name in _SHOWN}
        shown["headers"] = {k.decode("latin1"): _text(v) for k, v in self.headers}
        return shown


_SHOWN = (
    "id",
    "method",
    "path",
    "model",
    "state",
    "status",
    "started",
    "closed_at",
    "tokens_sent",
    "fault",
)


def _text(value: bytes) -> str:
    return value.decode("latin1")


class Journal:
    """The open requests, the latest finished ones, and counts of all."""

    def __init__(self, history: int) -> None:
        self._next_id = 0
        self._open: dict[int, Record] = {}
        self._closed: deque[Record] = deque(maxlen=history)
        self._clear_counts()

    def _clear_counts(self) -> None:
        self._requests: Counter[tuple[str, str | None]] = Counter()
        self._generations: dict[str, Counter[str]] = {
            name: Counter() for name in ("started", "completed", "cancelled", "failed")
        }
        self._active: Counter[str] = Counter()
        self._max_concurrent: Counter[str] = Counter()

    def open(self, exchange: Exchange) -> Record:
        """Note that a request has come."""
        self._next_id += 1
        record = Record(
            self._next_id,
            exchange.method,
            exchange.path,
            exchange.headers,
            time.time(),
        )
        self._open[record.id] = record
        exchange.state = record
        return record

    def close(self, exchange: Exchange) -> None:
        """Note that a request is over."""
        record: Record = exchange.state
        record.state = State.CLIENT_CLOSED if exchange.gone else State.DONE
        record.status = exchange.status or None
        record.closed_at = time.time()
        self._requests[record.path, record.model] += 1
        if self._open.pop(record.id, None) is not None:
            self._closed.append(record)

    def generation_started(self, model: str) -> None:
        """Note that a slot works for a request."""
        self._generations["started"][model] += 1
        active = self._active[model] + 1
        self._active[model] = active
        self._max_concurrent[model] = max(self._max_concurrent[model], active)

    def generation_ended(self, model: str, how: str) -> None:
        """Note that a slot is done: completed, cancelled or failed."""
        self._generations[how][model] += 1
        self._active[model] -= 1

    def reset(self) -> None:
        """Forget all but what is still open."""
        self._closed.clear()
        active = +self._active
        self._clear_counts()
        self._active = active

    # Any: JSON.
    def requests(self) -> list[dict[str, Any]]:
        """List the requests, the oldest first."""
        records = [*self._closed, *self._open.values()]
        return [record.view() for record in sorted(records, key=lambda r: r.id)]

    def stats(self) -> dict[str, Any]:
        """Count."""
        counts = self._requests + Counter(
            (record.path, record.model) for record in self._open.values()
        )
        paths: Counter[str] = Counter()
        models: Counter[str] = Counter()
        for (path, model), count in counts.items():
            paths[path] += count
            if model is not None:
                models[model] += count
        return {
            "requests": dict(paths),
            "requests_per_model": dict(models),
            "generations": {
                name: {"total": counter.total(), "models": dict(counter)}
                for name, counter in self._generations.items()
            },
            "active": dict(+self._active),
            "max_concurrent": dict(self._max_concurrent),
            "open": len(self._open),
        }
