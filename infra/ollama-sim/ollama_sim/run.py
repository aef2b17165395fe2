"""A generation's time in its slot: tokens at their times, and what goes wrong there."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ollama_sim.answer import Answer, Ask, Kind
from ollama_sim.broken import hang
from ollama_sim.errors import ApiError, RunnerCrashedError
from ollama_sim.exchange import Exchange
from ollama_sim.faults import Fault, Mode
from ollama_sim.journal import Record
from ollama_sim.lines import Lines, Outcome
from ollama_sim.model import Model
from ollama_sim.runner import Needs, Runner
from ollama_sim.simulator import Simulator

# Lines that go out in one write where there is no pace.
_BATCH = 128
# A paced stream that is late yields after so many tokens all the same.
_LATE_TOKENS = 32


class BrokenOffError(Exception):
    """A fault has ended the response."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be generated and how it is to be told."""

    model: Model
    needs: Needs
    ask: Ask
    lines: Lines
    prompt_tokens: int
    stream: bool
    keep_alive: float | None = None
    truncate: bool = True
    fault: Fault | None = None


class Run:
    """A generation while it has a slot."""

    def __init__(
        self,
        sim: Simulator,
        exchange: Exchange,
        job: Job,
        runner: Runner,
        times: tuple[int, int],
    ) -> None:
        self._sim = sim
        self._exchange = exchange
        self._record: Record = exchange.state
        self._job = job
        self._runner = runner
        self._started, self._loaded = times
        prompt_tokens = min(job.prompt_tokens, job.needs.num_ctx)
        self._answer = Answer(job.ask, job.model, job.needs, prompt_tokens)
        self._in_slot = time.perf_counter_ns()
        self._first_token = self._in_slot
        rate = job.ask.options.get("sim_tokens_per_second")
        rate = sim.settings.tokens_per_second if rate is None else float(rate)
        self._gap = 1 / rate if rate else 0.0
        self._fault = job.fault
        if self._fault is not None:
            self._record.fault = self._fault.mode
            self._gap += self._fault.delay

    async def counted(self) -> None:
        """Generate, and note in the journal how it went."""
        journal, name = self._sim.journal, self._job.model.name
        journal.generation_started(name)
        how = "failed"
        try:
            await (self._stream() if self._job.stream else self._whole())
            how = "completed"
        except asyncio.CancelledError:
            how = "cancelled"
            raise
        finally:
            journal.generation_ended(name, how)

    async def _stream(self) -> None:
        lines, exchange = self._job.lines, self._exchange
        exchange.begin(200, lines.content_type)
        ready: list[bytes] = []

        def flush() -> None:
            if ready:
                exchange.write(b"".join(ready))
                self._record.tokens_sent += len(ready)
                ready.clear()

        def take(kind: Kind, value: Any) -> bool:
            ready.append(lines.token(kind, value))
            return len(ready) >= _BATCH

        await self._tokens(take, flush)
        self._record.tokens_sent += len(ready)
        ready.append(lines.last(self._outcome()))
        exchange.finish(b"".join(ready))

    async def _whole(self) -> None:
        tokens: list[tuple[Kind, Any]] = []

        def take(kind: Kind, value: Any) -> bool:
            tokens.append((kind, value))
            return not len(tokens) % _BATCH

        await self._tokens(take, lambda: None)
        lines = self._job.lines
        body = lines.whole(tokens, self._outcome())
        self._record.tokens_sent = len(tokens)
        self._exchange.reply_json(200, body, lines.whole_type)

    async def _tokens(
        self, take: Callable[[Kind, Any], bool], flush: Callable[[], None]
    ) -> None:
        """Hand each token over at its time; `take` says when a batch is full."""
        await self._read_prompt()
        trigger = -1 if self._fault is None else self._fault.trigger
        if not trigger:
            await self._break()
        gap, begun = self._gap, asyncio.get_running_loop().time()
        done = 0
        for kind, value in self._answer.tokens:
            done += 1
            if gap:
                await self._wait_until(begun + done * gap, done)
            if done == 1:
                self._first_token = time.perf_counter_ns()
            full = kind is not Kind.SILENT and take(kind, value)
            if gap or full:
                flush()
            if full and not gap:
                await self._turn()
            if done == trigger:
                flush()
                await self._break()
        if trigger > done:
            flush()
            await self._break()

    async def _read_prompt(self) -> None:
        seconds = self._sim.settings.first_token_seconds
        if seconds:
            await asyncio.sleep(seconds)
            self._check_runner()

    async def _wait_until(self, due: float, done: int) -> None:
        delay = due - asyncio.get_running_loop().time()
        if delay > 0:
            await asyncio.sleep(delay)
            self._check_runner()
        elif not done % _LATE_TOKENS:
            await self._turn()

    async def _turn(self) -> None:
        await self._exchange.turn()
        self._check_runner()

    def _check_runner(self) -> None:
        if self._runner.dead:
            raise RunnerCrashedError

    async def _break(self) -> None:
        """Do what the fault is."""
        fault, exchange = self._job.fault, self._exchange
        assert fault is not None  # noqa: S101 # narrows for mypy
        self._fault = None
        if fault.mode is Mode.HANG:
            await hang(fault.seconds)
        elif fault.mode is Mode.MID_STREAM_ERROR:
            raise ApiError(500, fault.message)
        elif fault.mode is Mode.CRASH:
            self._sim.scheduler.kill(self._runner)
            raise RunnerCrashedError(fault.message)
        elif fault.mode is Mode.DROP:
            exchange.abort()
            raise BrokenOffError
        elif fault.mode in (Mode.CUT, Mode.MALFORMED):
            self._cut(fault.mode)

    def _cut(self, mode: Mode) -> None:
        """End cleanly but too early, or send a line that is no JSON and go on."""
        broken = b'{"model":"' + self._job.model.name.encode() + b'","created_at\n'
        if not self._job.stream:
            self._exchange.reply(200, broken, self._job.lines.whole_type)
            raise BrokenOffError
        if mode is Mode.MALFORMED:
            self._exchange.write(broken)
        else:
            self._exchange.finish()
            raise BrokenOffError

    def _outcome(self) -> Outcome:
        now = time.perf_counter_ns()
        answer = self._answer
        return Outcome(
            done_reason=answer.done_reason,
            prompt_tokens=answer.prompt_tokens,
            tokens=answer.count,
            total_ns=now - self._started,
            load_ns=self._loaded - self._started,
            prompt_ns=self._first_token - self._in_slot,
            eval_ns=now - self._first_token if answer.count > 1 else 0,
        )
