"""A loaded model with its slots."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

from ollama_sim.model import Model


@dataclass(frozen=True, slots=True)
class Needs:
    """What a request needs of a runner; another value means a reload."""

    num_ctx: int
    # Whether a full context loses its oldest tokens; else a generation ends there.
    shift: bool = True
    # The other options that make Ollama load anew, as they were given.
    others: tuple[tuple[str, object], ...] = ()


@dataclass(eq=False, slots=True)
class Runner:
    """A model in memory.

    Its queue has no bound, as in Ollama: who finds no free slot waits, first come
    first served.
    """

    model: Model
    needs: Needs
    free_slots: int
    keep_alive: float
    size: int
    size_vram: int
    references: int = 0
    active: int = 0
    dead: bool = False
    expires_at: float = 0.0
    timer: asyncio.TimerHandle | None = None
    gone: asyncio.Future[None] | None = None
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)

    async def take_slot(self) -> None:
        """Wait for a slot."""
        if self.free_slots > 0 and not self.waiting:
            self.free_slots -= 1
        else:
            await self._wait_for_slot()
        self.active += 1

    async def _wait_for_slot(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on()  # the slot was ours already
            raise

    def free_slot(self) -> None:
        """Give the slot to the next in line."""
        self.active -= 1
        self._pass_on()

    def _pass_on(self) -> None:
        while self.waiting:
            turn = self.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.free_slots += 1

    @property
    def expiry(self) -> float:
        """When it will be unloaded if nobody asks for it again, as unix time."""
        return self.expires_at or time.time() + self.keep_alive
