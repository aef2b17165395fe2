"""A turn: what a ticket is for (JOBS.md 12-15).

    breaker ► slot ► claim ► answer ► look again ► … ► linger ► free ► look once more

A ticket names a model. The turn that it starts gets a slot, claims the best queued
job, answers it, and always looks again, until none is due or the turn is over. A turn
that is over, or ends by an exception, sends one ticket; so under load a ticket is paid
once for many jobs.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import redis
import structlog

from backend.core.jobs.records import Claimed, Due
from backend.core.jobs.states import Kind
from backend.core.names import generation_lane
from backend.core.queue import Slot, Taken, Wake, read_hint
from backend.core.settings import Settings
from worker.generation.answer import Answerer
from worker.generation.embed import Embedder
from worker.generation.gathering import Gatherer
from worker.generation.ledger import Ledger, Want
from worker.generation.models import NodeModels
from worker.generation.settle import Settler
from worker.holdings import Holdings
from worker.resilience.breaker_store import Admission, BreakerStore

log = structlog.get_logger()

# How often a turn looks whether another model's ticket waits.
_OTHERS_SECONDS = 0.25
# A slot lingers so many times as long as WORKER_LINGER, if nobody needs the thread.
_LINGERS = (1, 2, 4)
# After a turn that failed, and before a ticket is sent on to another node.
_FAILURE_SECONDS = 0.5
_SEND_ON_SECONDS = 0.02


@dataclass(slots=True)
class TurnClock:
    """How far a turn has come."""

    ends_at: float
    jobs_left: int
    look_at: float
    # Jobs of this lane may go into one call.
    embeds: bool
    failing: bool = False

    @property
    def over(self) -> bool:
        """Tell whether others should have the slot."""
        return self.failing or self.jobs_left <= 0 or time.monotonic() >= self.ends_at


class Turns:
    """Takes turns for this process's threads."""

    def __init__(
        self,
        *,
        settings: Settings,
        incarnation: str,
        wake: Wake,
        send_ticket: Callable[[str], None],
        ledger: Ledger,
        answerer: Answerer,
        embedder: Embedder,
        gatherer: Gatherer,
        settler: Settler,
        models: NodeModels,
        holdings: Holdings,
        breaker: BreakerStore,
        draining: threading.Event,
    ) -> None:
        """Keep the collaborators."""
        self._settings = settings
        self._incarnation = incarnation
        self._wake = wake
        self._send_ticket = send_ticket
        self._ledger = ledger
        self._answerer = answerer
        self._embedder = embedder
        self._gatherer = gatherer
        self._settler = settler
        self._models = models
        self._holdings = holdings
        self._breaker = breaker
        self._draining = draining
        self._numbers = itertools.count(1)
        self._busy = 0
        self._busy_lock = threading.Lock()
        self.taken_at = time.monotonic()

    def take(self, model: str) -> None:
        """Take a turn for a model; ends when nothing is due or its time is over."""
        self.taken_at = time.monotonic()
        if self._draining.is_set():
            return
        admission = self._breaker.admit(self._settings.node_id, model)
        if not admission.is_allowed:
            return
        with self._busy_lock:
            self._busy += 1
        try:
            self._take_slots(model, admission)
        finally:
            with self._busy_lock:
                self._busy -= 1

    def _take_slots(self, model: str, admission: Admission) -> None:
        while True:
            slot = self._slot(model)
            taken = self._ask_for(slot, admission)
            if taken.send_on:
                # While no other node has a free thread, it comes back to this one.
                self._draining.wait(_SEND_ON_SECONDS)
                self._send_ticket(model)
            if not taken.got:
                self._no_probe(model, admission)
                return
            if self._use(slot, admission):
                self._send_ticket(model)
                return
            if self._draining.is_set() or admission.is_probe:
                return
            if not self._ledger.any_due(generation_lane(model)):
                return

    def _ask_for(self, slot: Slot, admission: Admission) -> Taken:
        try:
            return self._wake.take_slot(
                slot,
                slots=self._models.slots(slot.model),
                lease_ms=self._settings.lease_time,
            )
        except redis.RedisError:
            self._no_probe(slot.model, admission)
            raise

    def _slot(self, model: str) -> Slot:
        holder = f"{self._incarnation}:{next(self._numbers)}"
        return Slot(model, self._settings.node_id, holder)

    def _use(self, slot: Slot, admission: Admission) -> bool:
        """Serve on a slot; tells whether the turn was over with work left."""
        has_served = False
        with self._held(slot):
            try:
                is_over = self._serve(slot, admission)
                has_served = True
            finally:
                if not has_served:
                    self._pass_on(slot.model, admission)
        return is_over

    @contextmanager
    def _held(self, slot: Slot) -> Iterator[None]:
        self._holdings.add_slot(slot)
        try:
            yield
        finally:
            self._holdings.drop_slot(slot)
            self._free(slot)

    def _pass_on(self, model: str, admission: Admission) -> None:
        """Leave to another turn what this one failed to do."""
        # Before the ticket, which would find the breaker waiting for the probe.
        self._no_probe(model, admission)
        # Its cause may last (no database): the ticket would be back at once.
        self._draining.wait(_FAILURE_SECONDS)
        self._send_ticket(model)

    def _free(self, slot: Slot) -> None:
        try:
            self._wake.free_slot(slot)
        except redis.RedisError as error:
            # Its lease ends by itself.
            log.warning("slot_not_freed", model=slot.model, error=str(error))

    def _serve(self, slot: Slot, admission: Admission) -> bool:
        clock = self._clock(slot.model, admission)
        jobs = self._claim(slot.model, clock)
        if not jobs:
            self._no_probe(slot.model, admission)
        while not self._draining.is_set():
            if not jobs:
                if clock.over:
                    return False
                hint = self._linger(slot)
                if hint is None:
                    return False
                jobs = self._claim(slot.model, clock, read_hint(hint))
                continue
            self._answer(jobs, clock)
            if jobs[0].kind is Kind.LOAD:
                # That it is in memory does not prove that it generates.
                self._no_probe(slot.model, admission)
            if clock.over or self._others_wait(slot.model, clock):
                return True
            jobs = [] if self._draining.is_set() else self._claim(slot.model, clock)
        for job in jobs:
            # Claimed in the instant in which the drain began.
            self._settler.give_back_unbegun(job)
        if jobs:
            self._no_probe(slot.model, admission)
        return False

    def _claim(
        self, model: str, clock: TurnClock, hint: Due | None = None
    ) -> Sequence[Claimed]:
        """Claim a job, or several that go into one call."""
        if clock.embeds and (hint is None or self._gatherer.expects_company(model)):
            return self._gatherer.claim(model)
        job = self._ledger.claim(Want(generation_lane(model), hint))
        return [] if job is None else [job]

    def _answer(self, jobs: Sequence[Claimed], clock: TurnClock) -> None:
        clock.embeds = jobs[0].kind is Kind.EMBED
        if clock.embeds:
            answered = self._embedder.answer(jobs)
        else:
            answered = self._answerer.answer(jobs[0])
        clock.jobs_left -= len(jobs)
        # The breaker may have opened: only a new turn asks it again.
        clock.failing = not answered

    def _clock(self, model: str, admission: Admission) -> TurnClock:
        now = time.monotonic()
        return TurnClock(
            ends_at=now + self._settings.worker_turn_time / 1000,
            jobs_left=1 if admission.is_probe else self._settings.worker_turn_jobs,
            look_at=now + _OTHERS_SECONDS,
            embeds=self._models.policy(model).embeds,
        )

    def _no_probe(self, model: str, admission: Admission) -> None:
        if admission.is_probe:
            self._breaker.proved_nothing(self._settings.node_id, model)

    def _linger(self, slot: Slot) -> bytes | None:
        """Wait for a hint, ever longer while no other model needs the thread.

        A ticket costs as much as a whole answer, so a burst should find its slots.
        """
        first = self._settings.worker_linger
        lingers = [first * times for times in _LINGERS] if first else []
        try:
            for number, linger_ms in enumerate(lingers):
                hint = self._wake.linger(
                    slot, linger_ms=linger_ms, in_all_ms=sum(lingers[number:])
                )
                if hint is not None or self._needed(slot.model):
                    return hint
        except redis.RedisError as error:
            log.warning("linger_failed", model=slot.model, error=str(error))
        return None

    def _needed(self, model: str) -> bool:
        """Tell whether this thread should leave its slot after the first linger."""
        if self._draining.is_set():
            return True
        busy = self._busy >= self._settings.worker_concurrency
        return busy and self._wake.other_tickets_wait(model, self._models.served())

    def _others_wait(self, model: str, clock: TurnClock) -> bool:
        """Tell whether another model's ticket needs this thread."""
        now = time.monotonic()
        if now < clock.look_at:
            return False
        clock.look_at = now + _OTHERS_SECONDS
        try:
            return self._needed(model)
        except redis.RedisError:
            return False
