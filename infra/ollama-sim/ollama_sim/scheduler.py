"""Which models are in memory, as Ollama decides it.

A request for a loaded model goes straight to its runner, however many wait there. Any
other needs a load: it joins one bounded queue, which one task works off in order, so
that a load that cannot go on (memory held by a busy model, a wedged load) holds up all
behind it. Room is made by unloading an idle runner first, the one with the shortest
`keep_alive`; if all are busy, the loader waits until that one is done.
"""

import asyncio
import time
from collections import Counter, deque
from dataclasses import dataclass

from ollama_sim.errors import LOAD_TIMEOUT, ApiError, ServerBusyError
from ollama_sim.faults import Fault, Mode
from ollama_sim.model import Model
from ollama_sim.runner import Needs, Runner
from ollama_sim.settings import Settings

# Three models a GPU, and a machine without one counts as one.
_DEFAULT_MAX_LOADED = 3
_MIB = 1 << 20


@dataclass(eq=False, slots=True)
class _Pending:
    """A request that waits for a load."""

    model: Model
    needs: Needs
    keep_alive: float | None
    fault: Fault | None
    granted: asyncio.Future[Runner]


class Scheduler:
    """The loaded models and the queue for loads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pending: deque[_Pending] = deque()
        self._loader: asyncio.Task[None] | None = None
        self.loaded: dict[str, Runner] = {}
        self.loads: Counter[str] = Counter()
        self.unloads: Counter[str] = Counter()

    async def lease(
        self,
        model: Model,
        needs: Needs,
        *,
        keep_alive: float | None,
        fault: Fault | None = None,
    ) -> Runner:
        """Return a runner of the model, loading it if need be; give it back."""
        runner = self.loaded.get(model.name)
        if runner is not None and runner.needs == needs:
            self._use(runner, keep_alive)
            return runner
        return await self._wait_for_load(model, needs, keep_alive, fault)

    async def _wait_for_load(
        self,
        model: Model,
        needs: Needs,
        keep_alive: float | None,
        fault: Fault | None,
    ) -> Runner:
        if len(self._pending) >= self._settings.max_queue and self._loader is not None:
            raise ServerBusyError
        granted: asyncio.Future[Runner] = asyncio.get_running_loop().create_future()
        self._pending.append(_Pending(model, needs, keep_alive, fault, granted))
        self._start_loader()
        try:
            return await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled() and not granted.exception():
                self.give_back(granted.result())
            raise

    def is_loaded(self, model: Model, needs: Needs) -> bool:
        """Tell whether a request with these needs is served without a load."""
        runner = self.loaded.get(model.name)
        return runner is not None and runner.needs == needs

    def give_back(self, runner: Runner) -> None:
        """End the use of a runner."""
        runner.references -= 1
        if runner.references == 0 and not runner.dead:
            self._expire_later(runner)

    def unload(self, name: str) -> None:
        """Unload a model as soon as nobody uses it."""
        runner = self.loaded.get(name)
        if runner is not None:
            runner.keep_alive = 0.0
            if runner.references == 0:
                self._drop(runner)

    def kill(self, runner: Runner) -> None:
        """Lose a runner: all that it is answering fails."""
        if not runner.dead:
            runner.dead = True
            self._drop(runner)

    def reset(self) -> None:
        """Forget all models and counts."""
        for runner in list(self.loaded.values()):
            self.kill(runner)
        self.loads.clear()
        self.unloads.clear()

    @property
    def queued(self) -> int:
        """How many requests wait for a load."""
        return sum(not pending.granted.done() for pending in self._pending)

    def _use(self, runner: Runner, keep_alive: float | None) -> None:
        runner.references += 1
        if runner.timer is not None:
            runner.timer.cancel()
            runner.timer = None
        runner.expires_at = 0.0
        if keep_alive is not None:
            runner.keep_alive = keep_alive

    def _expire_later(self, runner: Runner) -> None:
        if runner.keep_alive <= 0:
            self._drop(runner)
            return
        runner.expires_at = time.time() + runner.keep_alive
        loop = asyncio.get_running_loop()
        runner.timer = loop.call_later(_in_reach(runner.keep_alive), self._drop, runner)

    def _drop(self, runner: Runner) -> None:
        if self.loaded.get(runner.model.name) is runner:
            del self.loaded[runner.model.name]
            self.unloads[runner.model.name] += 1
        if runner.timer is not None:
            runner.timer.cancel()
        if runner.gone is not None and not runner.gone.done():
            runner.gone.set_result(None)

    def _start_loader(self) -> None:
        if self._loader is None:
            # The first request is taken out of the queue at once, as by Ollama's idle
            # loader: with a queue of two, three can wait.
            first = self._pending.popleft()
            self._loader = asyncio.get_running_loop().create_task(self._load_all(first))

    async def _load_all(self, pending: _Pending) -> None:
        while True:
            if not pending.granted.done():
                await self._serve(pending)
            if not self._pending:
                break
            pending = self._pending.popleft()
        self._loader = None

    async def _serve(self, pending: _Pending) -> None:
        try:
            runner = await self._place(pending)
        except ApiError as error:
            if not pending.granted.done():
                pending.granted.set_exception(error)
            return
        if runner is not None and not pending.granted.done():
            self._use(runner, pending.keep_alive)
            pending.granted.set_result(runner)
        elif runner is not None:
            self._expire_later(runner)

    async def _place(self, pending: _Pending) -> Runner | None:
        """Find or make a runner; None if the caller has left meanwhile."""
        while True:
            runner = self.loaded.get(pending.model.name)
            if runner is not None and runner.needs == pending.needs:
                return runner
            in_the_way = runner or self._victim(pending)
            if in_the_way is None:
                return await self._load(pending)
            await self._evict(in_the_way)

    def _victim(self, pending: _Pending) -> Runner | None:
        """Choose what must go before this model fits, None if nothing must."""
        limit = self._settings.max_loaded_models or _DEFAULT_MAX_LOADED
        if len(self.loaded) < limit and self._fits(pending):
            return None
        by_keep_alive = sorted(self.loaded.values(), key=lambda r: r.keep_alive)
        idle = (runner for runner in by_keep_alive if runner.references == 0)
        return next(idle, by_keep_alive[0])

    def _fits(self, pending: _Pending) -> bool:
        """Tell whether it fits beside the others; alone, what is too large spills."""
        if not self._settings.vram_mb or not self.loaded:
            return True
        used = sum(runner.size_vram for runner in self.loaded.values())
        size = pending.model.memory(pending.needs.num_ctx)
        return used + size <= self._settings.vram_mb * _MIB

    async def _evict(self, runner: Runner) -> None:
        runner.gone = asyncio.get_running_loop().create_future()
        runner.keep_alive = 0.0
        if runner.references == 0:
            self._drop(runner)
        await runner.gone

    async def _load(self, pending: _Pending) -> Runner | None:
        mode = pending.fault.mode if pending.fault else None
        wedged = mode is Mode.WEDGED_LOAD
        limit = self._settings.load_timeout_seconds
        seconds = limit if wedged else self._settings.load_seconds
        # Only the caller's leaving can end this wait early: the load goes with it.
        await asyncio.wait([pending.granted], timeout=seconds)
        if pending.granted.done():
            return None
        if wedged:
            raise ApiError(500, LOAD_TIMEOUT)
        if pending.fault is not None and mode is Mode.OUT_OF_MEMORY:
            raise pending.fault.error()
        return self._loaded(pending)

    def _loaded(self, pending: _Pending) -> Runner:
        model, settings = pending.model, self._settings
        size = model.memory(pending.needs.num_ctx)
        runner = Runner(
            model=model,
            needs=pending.needs,
            free_slots=1 if model.can("embedding") else max(settings.num_parallel, 1),
            keep_alive=300.0 if settings.keep_alive is None else settings.keep_alive,
            size=size,
            size_vram=min(size, int(settings.vram_mb * _MIB)),
        )
        self.loaded[model.name] = runner
        self.loads[model.name] += 1
        return runner


def _in_reach(seconds: float) -> float:
    """Shorten "for ever" to what a timer can hold (a year)."""
    return min(seconds, 31_536_000.0)
