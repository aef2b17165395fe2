"""Reservations of one lineage, and a way to let time pass."""

from typing import Any

from backend.core.limits.decision import Allowance, Limit, Limits
from backend.core.limits.reservations import Reservations, Settlement
from backend.core.redis_client import KeptConnections

MINUTE_MS = 60_000


class Bench:
    """Reservations of one lineage, and a way to let time pass."""

    def __init__(self, client: Any, connections: KeptConnections) -> None:
        self.client = client  # its replies may be awaited, say its types
        self.reservations = Reservations(connections)
        self._numbers = iter(range(1_000_000))

    def ask(self, cost: int = 10, **most: int) -> Limit | None:
        """Ask for a reservation; gives what hinders it."""
        limits = Allowance(1, Limits(**most))
        name = f"job-{next(self._numbers)}"
        found = self.reservations.reserve(limits, {name: cost}).hindrance
        return None if found is None else found.limit

    def used(self) -> tuple[int, int, int, int, int]:
        at = self.reservations.standing(Allowance(1).subjects[0])
        return at.requests, at.tokens, at.charged, at.reserved, at.places

    def settle(self, job_id: str, tokens: int = 0, **more: Any) -> int:
        return self.reservations.settle([Settlement(1, job_id, tokens, **more)])

    def pass_ms(self, milliseconds: int) -> None:
        """Make what was admitted so much older."""
        key = "corral:limits:1:window"
        for member in self.client.zrange(key, 0, -1):
            self.client.zincrby(key, -milliseconds, member)

    def pass_a_day(self) -> None:
        """Make today yesterday."""
        for key in self.client.keys("corral:limits:1:day:*"):
            prefix, _, day = key.decode().rpartition(":")
            self.client.rename(key, f"{prefix}:{int(day) - 1}")
        for job, held in self.client.hgetall("corral:limits:1:open").items():
            day, cost, at = held.decode().split()
            self.client.hset("corral:limits:1:open", job, f"{int(day) - 1} {cost} {at}")
