"""Every 2 s: what the node has and does, for everybody who may not ask Ollama.

The same round fills the catalogue, publishes the slots of the models that this node
serves, and makes the worker consume their queues.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import orjson
import psutil
import redis
import structlog

from backend.core.catalogue import Catalogue, SeenModel
from backend.core.cluster import Cluster, GpuState, LoadedState, Snapshot
from backend.core.errors import DatabaseUnavailableError
from backend.core.names import canonical_model
from backend.core.queue import Wake
from backend.core.settings import Settings
from backend.core.version import VERSION
from worker.generation.models import NodeModels
from worker.generation.pace import Pace
from worker.holdings import Holdings
from worker.ollama.client import OllamaClient
from worker.ollama.errors import OllamaError
from worker.ollama.inventory import InstalledModel, LoadedModel, ModelDetails
from worker.ollama.wire import Line
from worker.resilience.breaker_store import BreakerStore
from worker.telemetry.description import description

log = structlog.get_logger()


class Telemetry:
    """Looks at the node and tells."""

    def __init__(
        self,
        *,
        settings: Settings,
        incarnation: str,
        client: OllamaClient,
        cluster: Cluster,
        catalogue: Catalogue,
        wake: Wake,
        models: NodeModels,
        holdings: Holdings,
        pace: Pace,
        breaker: BreakerStore,
        read_gpus: Callable[[], list[GpuState]],
        serve: Callable[[list[str]], None],
    ) -> None:
        """Keep the collaborators; `serve` is told which models' queues to consume."""
        self._settings = settings
        self._incarnation = incarnation
        self._client = client
        self._cluster = cluster
        self._catalogue = catalogue
        self._wake = wake
        self._models = models
        self._holdings = holdings
        self._pace = pace
        self._breaker = breaker
        self._read_gpus = read_gpus
        self._serve = serve
        self._seen: dict[str, SeenModel] = {}
        self._stopped = threading.Event()
        self._looking = threading.Lock()
        models.refreshed_by(self.look)
        self.ollama_ok = False
        self.last_seen = time.monotonic()

    def run(self) -> None:
        """Look every 2 s until stopped."""
        while not self._stopped.is_set():
            self.look()
            self.last_seen = time.monotonic()
            self._stopped.wait(self._settings.heartbeat_interval / 1000)

    def stop(self) -> None:
        """End, and take back what was published."""
        self._stopped.set()
        self._withdraw(self._models.served())

    def look(self) -> None:
        """Look once; what cannot be reached is logged and looked at again.

        Also whoever has changed the node's models looks, so that others know of it.
        """
        with self._looking:
            self._look()

    def _look(self) -> None:
        try:
            tags, ps = self._client.tags(), self._client.ps()
            version: str | None = self._client.version()
            self._learn(tags, ps)
            self.ollama_ok = True
        except OllamaError as error:
            log.warning("ollama_unreachable", error=error.detail)
            ps, version, self.ollama_ok = [], None, False
        except DatabaseUnavailableError as error:
            log.warning("catalogue_unreachable", error=error.detail)
        try:
            self._publish(ps, version)
        except redis.RedisError as error:
            log.warning("snapshot_unpublished", error=str(error))

    def _learn(self, tags: list[InstalledModel], ps: list[LoadedModel]) -> None:
        seen = [
            self._seen_model(tag)
            for tag in tags
            if self._catalogue.permits_name(tag.name)
        ]
        fresh = {model.name: model for model in seen}
        if fresh != self._seen:
            self._catalogue.record_installed(self._settings.node_id, seen)
        gone = [name for name in self._seen if name not in fresh]
        self._seen = fresh
        self._models.update(
            {n: m for n, m in self._catalogue.read().items() if m.allowed},
            {model.name: model.digest for model in seen},
            {canonical_model(model.name): model.context_length for model in ps},
        )
        self._withdraw(gone)
        self._serve(self._models.served())

    def _seen_model(self, tag: InstalledModel) -> SeenModel:
        name = canonical_model(tag.name)
        listed = SeenModel(
            name,
            tag.digest,
            tag.size_bytes,
            tag.capabilities,
            tag.context_length,
            modified_at=tag.modified_at,
            details=orjson.dumps(tag.details).decode(),
        )
        known = self._seen.get(name)
        if known is not None and known.is_described and _same(known, listed):
            return known
        try:
            return _described(listed, self._client.describe(tag.name))
        except OllamaError as error:
            # One broken model must not make the node look as if it were down.
            log.warning("model_not_described", model=name, error=error.detail)
            return listed

    def _publish(self, ps: list[LoadedModel], version: str | None) -> None:
        served = self._models.served() if self.ollama_ok else []
        node = self._settings.node_id
        for model in served:
            self._wake.publish_capacity(model, node, self._models.slots(model))
        self._cluster.publish(self._snapshot(ps, version, served))

    def _withdraw(self, models: list[str]) -> None:
        try:
            for model in models:
                self._wake.withdraw_capacity(model, self._settings.node_id)
            if self._stopped.is_set():
                self._cluster.withdraw(self._settings.node_id, self._incarnation)
        except redis.RedisError as error:
            log.warning("withdrawal_failed", error=str(error))

    def _snapshot(
        self, ps: list[LoadedModel], version: str | None, served: list[str]
    ) -> Snapshot:
        memory = psutil.virtual_memory()
        jobs = self._holdings.jobs()
        settings = self._settings
        return Snapshot(
            node=settings.node_id,
            incarnation=self._incarnation,
            worker=settings.worker_id,
            published_at=time.time(),
            ollama_version=version,
            ollama_ok=self.ollama_ok,
            memory_total=memory.total,
            memory_available=memory.available,
            concurrency=settings.worker_concurrency,
            running=len(jobs),
            version=VERSION,
            gpus=self._read_gpus(),
            loaded=[self._loaded(model) for model in ps],
            on_disk=sorted(self._seen),
            slots={model: self._models.slots(model) for model in served},
            breakers=dict(self._breaker.modes(settings.node_id, served)),
            pace_seconds=self._pace.seconds(served),
        )

    def _loaded(self, model: LoadedModel) -> LoadedState:
        name = canonical_model(model.name)
        running = sum(1 for held in self._holdings.jobs() if held.job.model == name)
        return LoadedState(
            name=name,
            size=model.size_bytes,
            size_vram=model.size_vram_bytes,
            context_length=model.context_length,
            expires_at=model.expires_at.isoformat() if model.expires_at else None,
            last_used_seconds_ago=self._models.idle_seconds(name),
            running=running,
        )


def _same(known: SeenModel, listed: SeenModel) -> bool:
    """Tell whether the list says of a model what it said when it was described."""
    before = (known.digest, known.modified_at, known.details)
    return before == (listed.digest, listed.modified_at, listed.details)


def _described(listed: SeenModel, shown: Line) -> SeenModel:
    # Before 0.32 the list does not say what a model can do; `/api/show` does.
    details = ModelDetails.of(shown)
    return replace(
        listed,
        capabilities=listed.capabilities or details.capabilities,
        context_length=listed.context_length or details.context_length,
        description=description(shown),
    )
