"""Waking workers: hints, tickets, slots and lingering, in Redis (JOBS.md 11-15).

MySQL is the truth; everything here only says "somebody look". Losing any of it costs a
second at most, until recovery tops up the tickets.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
import redis

from backend.core import wake_scripts
from backend.core.jobs.records import Due
from backend.core.jobs.states import Kind
from backend.core.names import generation_lane
from backend.core.redis_client import KeptConnections

SLOT_TTL_MS = 10_000
# A hint carries the request only if that is small; else the slot reads it in MySQL.
_HINT_BYTES = 8 * 1024
LOOK = b"look"


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot that this process holds; `holder` is also the name it lingers under."""

    model: str
    node: str
    holder: str


@dataclass(frozen=True, slots=True)
class Load:
    """How many slots a model has on all live nodes, and how many are held."""

    capacity: int
    held: int


class Wake:
    """The steps of the protocol; each call is one atomic step in Redis."""

    def __init__(self, connections: KeptConnections) -> None:
        """Keep the connections of all threads."""
        self._connections = connections

    def announce(self, model: str, hints: Sequence[bytes]) -> tuple[int, int]:
        """Tell somebody about committed jobs; gives (tickets to send, hints given)."""
        sent, given = self._connections.evaluate(
            wake_scripts.ANNOUNCE,
            [*_keys(model), generation_lane(model)],
            [_slots_prefix(model), *hints],
        )
        return int(sent), int(given)

    def take_slot(self, slot: Slot, *, slots: int, lease_ms: int) -> "Taken":
        """Take a slot, or pass the ticket's meaning on."""
        return Taken(
            self._connections.evaluate(
                wake_scripts.TAKE_SLOT,
                [*_keys(slot.model), _slots_key(slot)],
                [_slots_prefix(slot.model), slot.holder, slots, lease_ms],
            )
        )

    def free_slot(self, slot: Slot) -> None:
        """Give the slot back; who frees one must look once more afterwards."""
        self._connections.run(("ZREM", _slots_key(slot), slot.holder))

    def renew_slots(self, slots: Sequence[Slot], *, lease_ms: int) -> None:
        """Renew held slots; one that Redis lost is put back."""
        if slots:
            self._connections.evaluate(
                wake_scripts.RENEW,
                [_slots_key(slot) for slot in slots],
                [lease_ms, *(slot.holder for slot in slots)],
            )

    def publish_capacity(self, model: str, node: str, slots: int) -> None:
        """Say that a node serves a model with so many slots, for 10 s."""
        self._connections.evaluate(
            wake_scripts.PUBLISH_CAPACITY,
            [_capacity_key(model)],
            [node, slots, SLOT_TTL_MS],
        )

    def withdraw_capacity(self, model: str, node: str) -> None:
        """Say that a node no longer serves a model."""
        self._connections.run(("HDEL", _capacity_key(model), node))

    def load(self, model: str) -> Load:
        """Count the slots of a model and those that are held."""
        capacity, held = self._connections.evaluate(
            wake_scripts.COUNT, [_capacity_key(model)], [_slots_prefix(model)]
        )
        return Load(int(capacity), int(held))

    def waiting_tickets(self, model: str) -> int:
        """Count the tickets of a model that no worker has taken yet."""
        return int(self._connections.run(("LLEN", generation_lane(model))))

    def other_tickets_wait(self, model: str, models: Sequence[str]) -> bool:
        """Tell whether a ticket of one of the other models waits."""
        lanes = [generation_lane(other) for other in models if other != model]
        if not lanes:
            return False
        replies = self._connections.execute(*(("LLEN", n) for n in lanes))
        return any(isinstance(reply, int) and reply for reply in replies)

    def linger(self, slot: Slot, *, linger_ms: int, in_all_ms: int) -> bytes | None:
        """Wait for a hint; gives it, or None when the slot may leave.

        Registering, being given and leaving are each one atomic step on the same
        sorted set, so a hint is never lost between them.

        Args:
            slot: Whose.
            linger_ms: For how long.
            in_all_ms: With the lingers that may follow, at once, if nothing comes. So
                it stands behind those that began later, whose threads are warm.
        """
        if self._register(slot, in_all_ms):
            return LOOK
        key = f"corral:wake:{slot.holder}"
        got = self._wait(slot, ("BLPOP", key, linger_ms / 1000))
        if got is not None:
            return bytes(got[1])
        if self._connections.run(("ZREM", _idle_key(slot.model), slot.holder)):
            return None
        # Not there any more: the hint was given in this very instant.
        hint = self._connections.run(("LPOP", key))
        return LOOK if hint is None else bytes(hint)

    def _wait(self, slot: Slot, command: Sequence[Any]) -> Any:  # a reply is anything
        try:
            return self._connections.run(command)
        except redis.RedisError:
            # Nobody is there any more to take a hint.
            with suppress(redis.RedisError):
                self._connections.run(("ZREM", _idle_key(slot.model), slot.holder))
            raise

    def _register(self, slot: Slot, in_all_ms: int) -> bool:
        # The deadline is a little later than the wait, so that a hint that is given
        # at the last moment is found by the step that leaves.
        idle, more, _ = _keys(slot.model)
        script, keys = wake_scripts.REGISTER, [idle, more]
        return bool(
            self._connections.evaluate(script, keys, [slot.holder, in_all_ms + 20])
        )


class Taken(int):
    """What came of asking for a slot."""

    @property
    def got(self) -> bool:
        """The slot is ours."""
        return self == 1

    @property
    def send_on(self) -> bool:
        """Another node has a free slot: the ticket is sent on."""
        return self == 2


class Announcer:
    """Commit, then announce: wakes somebody for each committed job."""

    def __init__(
        self,
        wake: Wake,
        send_ticket: Callable[[str], None],
    ) -> None:
        """Keep what sends a ticket for a model."""
        self._wake = wake
        self._send_ticket = send_ticket

    def announce(self, model: str, due: Sequence[Due]) -> int:
        """Tell about committed jobs of one model; gives how many were handed over.

        Raises:
            redis.RedisError, kombu's OperationalError: If nobody could be told; the
                jobs are committed all the same, and recovery finds them.
        """
        tickets, given = self._wake.announce(model, [hint(job) for job in due])
        for _ in range(tickets):
            self._send_ticket(model)
        return given


def hint(job: Due) -> bytes:
    """Write a job for a lingering slot, or "look" if it is too large."""
    if len(job.request) > _HINT_BYTES:
        return LOOK
    return orjson.dumps(
        (
            job.id,
            job.attempt,
            job.failures,
            job.kind,
            job.model,
            job.requested_model,
            job.request.decode(),
            job.deadline_ms,
            job.request_id,
            job.traceparent,
            job.limits_id,
        )
    )


def read_hint(text: bytes) -> Due | None:
    """Read a hint; None means "look in the database"."""
    if text == LOOK:
        return None
    values: list[Any] = orjson.loads(text)
    values[3], values[6] = Kind(values[3]), values[6].encode()
    return Due(*values)


def _keys(model: str) -> tuple[str, str, str]:
    return _idle_key(model), f"corral:more:{model}", _capacity_key(model)


def _idle_key(model: str) -> str:
    return f"corral:idle:{model}"


def _capacity_key(model: str) -> str:
    return f"corral:capacity:{model}"


def _slots_prefix(model: str) -> str:
    return f"corral:slots:{model}:"


def _slots_key(slot: Slot) -> str:
    return _slots_prefix(slot.model) + slot.node
