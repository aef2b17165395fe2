"""A node's own work, outside the slots: pulls, loads, removals (JOBS.md 16).

They are jobs of the lane `node:<id>`, claimed by the same compare-and-set and lease as
all others, so of several workers of a node one acts. One thread per process does them
one after the other.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson
import structlog

from backend.core.errors import DatabaseUnavailableError
from backend.core.jobs.records import Claimed
from backend.core.jobs.repository.transition import JobTransition
from backend.core.jobs.states import Kind
from backend.core.names import node_lane
from backend.core.settings import Settings
from worker.generation.answer import Answerer
from worker.generation.ledger import Ledger, Want
from worker.generation.models import NodeModels
from worker.generation.reply import Reply
from worker.generation.settle import Settler
from worker.holdings import Holding, Holdings, bound_to
from worker.ollama.abort import ExchangeAbortedError
from worker.ollama.client import OllamaClient
from worker.ollama.deadlines import Deadlines
from worker.ollama.errors import ModelMissingError, OllamaError

log = structlog.get_logger()

_LOOK_SECONDS = 0.5
# Ollama reports about every 60 ms; a reader needs no more than this.
_PROGRESS_SECONDS = 0.5
# A download that says nothing for this long is stuck: Ollama itself gives a part 30 s.
_PULL_SILENCE_SECONDS = 120.0
_DAY_SECONDS = 86_400.0


class Reconciler:
    """Does what the platform wants of this node."""

    def __init__(
        self,
        *,
        settings: Settings,
        client: OllamaClient,
        ledger: Ledger,
        answerer: Answerer,
        settler: Settler,
        holdings: Holdings,
        models: NodeModels,
        transition: JobTransition,
        draining: threading.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the collaborators."""
        self._lane = node_lane(settings.node_id)
        self._settings = settings
        self._client = client
        self._ledger = ledger
        self._answerer = answerer
        self._settler = settler
        self._holdings = holdings
        self._models = models
        self._transition = transition
        self._draining = draining
        self._clock = clock
        self._seen_at = clock()
        self._working = False

    def last_seen(self) -> float:
        """Give the last sign of life.

        Work has deadlines of its own, and may wait for the database to take its end;
        once the drain has begun there is nothing to look for.
        """
        if self._working or self._draining.is_set():
            return self._clock()
        return self._seen_at

    def run(self) -> None:
        """Look for work until the drain begins."""
        while not self._draining.wait(_LOOK_SECONDS):
            self.look()
            self._seen_at = self._clock()

    def look(self) -> None:
        """Do all that is due; an outage is logged and looked past."""
        try:
            while (job := self._ledger.claim(Want(self._lane))) is not None:
                self._do(job)
                if self._draining.is_set():
                    return
        except DatabaseUnavailableError as error:
            log.warning("node_work_unread", error=error.detail)

    def _do(self, job: Claimed) -> None:
        holding = self._answerer.begin(job)
        self._working = True
        try:
            with bound_to(job):
                self._settle(holding)
        finally:
            self._seen_at = self._clock()
            self._working = False
            self._holdings.release(holding)

    def _settle(self, holding: Holding) -> None:
        kinds = {
            Kind.PULL: self._pull,
            Kind.LOAD: self._load,
            Kind.UNLOAD: self._unload,
            Kind.COPY: self._copy,
            Kind.DELETE: self._delete,
        }
        try:
            result = kinds[holding.job.kind](holding)
            # Before its end is told: whoever hears of it shall find the models changed.
            self._models.refresh()
        except ExchangeAbortedError as error:
            self._settler.aborted(holding, error)
        except OllamaError as error:
            self._settler.failed(holding, error)
        else:
            self._settler.succeeded(holding, Reply(result, None, None, None, {}))

    def _pull(self, holding: Holding) -> dict[str, Any]:
        silence = _PULL_SILENCE_SECONDS
        limits = Deadlines(silence, silence, min(_DAY_SECONDS, holding.seconds_left))
        told_at = 0.0
        status = ""
        model = holding.job.model
        with self._client.pull(
            model, deadlines=limits, switch=holding.switch
        ) as exchange:
            for lines in exchange:
                last = lines[-1]
                fresh = last.get("status", "") != status
                status = last.get("status", "")
                if fresh or self._clock() - told_at >= _PROGRESS_SECONDS:
                    told_at = self._clock()
                    self._tell(holding, last)
        return {"status": status}

    def _tell(self, holding: Holding, line: dict[str, Any]) -> None:
        progress = {
            "status": line.get("status"),
            "completed": line.get("completed"),
            "total": line.get("total"),
            "digest": line.get("digest"),
        }
        self._answerer.tell_state(holding, **progress)
        job = holding.job
        try:
            self._transition.set_progress(
                job.id, job.attempt, orjson.dumps(progress).decode()
            )
        except DatabaseUnavailableError as error:
            # Nothing but what callers see of it is lost; the download goes on.
            log.warning("progress_unwritten", job_id=job.id, error=error.detail)

    def _load(self, holding: Holding) -> dict[str, Any]:
        return self._answerer.reload(holding).result

    def _unload(self, holding: Holding) -> dict[str, Any]:
        self._client.unload(holding.job.model)
        self._models.saw_failing(holding.job.model)
        return {"status": "unloaded"}

    def _copy(self, holding: Holding) -> dict[str, Any]:
        destination = orjson.loads(holding.job.request)["destination"]
        self._client.copy(holding.job.model, destination)
        return {"status": "copied"}

    def _delete(self, holding: Holding) -> dict[str, Any]:
        # It may be gone already: by hand, or by an attempt that could not tell.
        with suppress(ModelMissingError):
            self._client.delete(holding.job.model)
        self._models.saw_failing(holding.job.model)
        return {"status": "deleted"}
