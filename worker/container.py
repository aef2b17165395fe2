"""Builds what a worker or beat process is made of; nothing connects here."""

import threading
from dataclasses import dataclass

import redis
import structlog
from celery import Celery
from kombu.exceptions import OperationalError as BrokerError

from backend.core.broker import make_celery, send_ticket
from backend.core.catalogue import Catalogue
from backend.core.cluster import Cluster
from backend.core.db import Database, open_database
from backend.core.identifiers import uuid7
from backend.core.jobs.recovery import Recovery
from backend.core.jobs.repository.claim import Holder, JobClaim
from backend.core.jobs.repository.finish import JobFinish
from backend.core.jobs.repository.insert import JobInsert
from backend.core.jobs.repository.query import JobQuery
from backend.core.jobs.repository.retention import JobRetention
from backend.core.jobs.repository.transition import JobTransition
from backend.core.keys import Keys
from backend.core.limits.reconciliation import Reconciliation
from backend.core.limits.reservations import Reservations
from backend.core.maintenance import Maintenance
from backend.core.queue import Wake
from backend.core.redis_client import KeptConnection, KeptConnections, connect
from backend.core.settings import Settings
from backend.core.streams.flusher import Flusher
from backend.core.streams.outsider import OutsiderStream
from backend.core.usage.rollup import Rollup
from worker.generation.answer import Answerer
from worker.generation.embed import Embedder
from worker.generation.gathering import Gatherer
from worker.generation.ledger import Ledger
from worker.generation.models import NodeModels
from worker.generation.pace import Pace
from worker.generation.settle import Settler
from worker.generation.turn import Turns
from worker.heartbeat import CancelListener, Heartbeat
from worker.holdings import Holdings
from worker.ollama.client import OllamaClient
from worker.placement.act import Placement
from worker.resilience.breaker import BreakerPolicy
from worker.resilience.breaker_store import BreakerStore
from worker.schedule import intervals
from worker.upkeep import Upkeep

log = structlog.get_logger()

# Longer than any BLOCK of ours (a linger) and of kombu's BRPOP (a second).
_REDIS_SECONDS = 5.0
# A flush that hangs holds up the ends of all jobs of the process.
_FLUSH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Foundation:
    """What both roles share."""

    settings: Settings
    incarnation: str
    database: Database
    redis: redis.Redis
    celery: Celery
    wake: Wake
    query: JobQuery
    transition: JobTransition
    outsider: OutsiderStream
    reservations: Reservations
    catalogue: Catalogue
    cluster: Cluster

    def send_ticket(self, model: str) -> None:
        """Send a ticket; if that fails, recovery sends one within seconds."""
        try:
            send_ticket(self.celery, model)
        except (BrokerError, redis.RedisError) as error:
            log.warning("ticket_not_sent", model=model, error=str(error))


@dataclass(frozen=True, slots=True)
class GenerationServices:
    """What a worker process is made of."""

    base: Foundation
    ollama: OllamaClient
    models: NodeModels
    holdings: Holdings
    pace: Pace
    flusher: Flusher
    ledger: Ledger
    answerer: Answerer
    settler: Settler
    turns: Turns
    heartbeat: Heartbeat
    cancels: CancelListener
    breaker: BreakerStore
    draining: threading.Event


@dataclass(frozen=True, slots=True)
class MaintenanceServices:
    """What a beat process is made of."""

    base: Foundation
    upkeep: Upkeep


def foundation(settings: Settings) -> Foundation:
    """Wire what both roles share."""
    threads = settings.worker_concurrency
    database = open_database(settings, connections=min(64, threads + 8))
    client = connect(
        settings.redis_url.get_secret_value(),
        timeout_seconds=_REDIS_SECONDS,
        connections=threads + 64,
    )
    return Foundation(
        settings=settings,
        incarnation=uuid7(),
        database=database,
        redis=client,
        celery=make_celery(settings, socket_timeout_seconds=_REDIS_SECONDS),
        wake=Wake(KeptConnections(client)),
        query=JobQuery(database),
        transition=JobTransition(
            database,
            max_failures=settings.ollama_max_retries,
            queue_ms=settings.queue_timeout,
        ),
        outsider=OutsiderStream(client, lifetime_ms=settings.stream_lifetime),
        reservations=_reservations(settings),
        catalogue=Catalogue(database, allowed=settings.allowed_models),
        cluster=Cluster(client),
    )


def generation(settings: Settings) -> GenerationServices:
    """Wire a worker."""
    base = foundation(settings)
    draining = threading.Event()
    holdings, models, pace = Holdings(), NodeModels(settings), Pace()
    ollama = OllamaClient(settings.ollama_base_url)
    breaker = BreakerStore(base.redis, _breaker_policy(settings))
    flusher = _flusher(settings)
    ledger = _ledger(base, flusher)
    settler = Settler(
        settings=settings,
        ledger=ledger,
        transition=base.transition,
        flusher=flusher,
        outsider=base.outsider,
        reservations=base.reservations,
        holdings=holdings,
        models=models,
        breaker=breaker,
        pace=pace,
    )
    answerer = Answerer(
        settings=settings,
        client=ollama,
        flusher=flusher,
        holdings=holdings,
        models=models,
        settler=settler,
    )
    gatherer = Gatherer(
        ledger,
        batch_size=settings.worker_batch_size,
        wait_ms=settings.worker_batch_wait,
        draining=draining,
    )
    embedder = Embedder(
        answerer=answerer,
        settler=settler,
        client=ollama,
        gatherer=gatherer,
        holdings=holdings,
        models=models,
    )
    turns = Turns(
        settings=settings,
        incarnation=base.incarnation,
        wake=base.wake,
        send_ticket=base.send_ticket,
        ledger=ledger,
        answerer=answerer,
        embedder=embedder,
        gatherer=gatherer,
        settler=settler,
        models=models,
        holdings=holdings,
        breaker=breaker,
        draining=draining,
    )
    return GenerationServices(
        base=base,
        ollama=ollama,
        models=models,
        holdings=holdings,
        pace=pace,
        flusher=flusher,
        ledger=ledger,
        answerer=answerer,
        settler=settler,
        turns=turns,
        heartbeat=_heartbeat(base, holdings),
        cancels=CancelListener(base.redis, holdings),
        breaker=breaker,
        draining=draining,
    )


def maintenance(settings: Settings) -> MaintenanceServices:
    """Wire a beat."""
    base = foundation(settings)
    placement = Placement(
        settings=settings,
        cluster=base.cluster,
        catalogue=base.catalogue,
        query=base.query,
        insert=JobInsert(base.database, head_start=settings.priority_head_start),
        keys=Keys(base.database),
    )
    recovery = Recovery(
        transition=base.transition,
        query=base.query,
        wake=base.wake,
        outsider=base.outsider,
        reservations=base.reservations,
        send_ticket=base.send_ticket,
        lease_ms=settings.lease_time,
    )
    upkeep = Upkeep(
        settings=settings,
        maintenance=Maintenance(base.database, runner=base.incarnation),
        recovery=recovery,
        placement=placement,
        rollup=Rollup(base.database),
        retention=JobRetention(base.database),
        reconciliation=Reconciliation(base.reservations, base.query),
        intervals=intervals(settings),
    )
    return MaintenanceServices(base=base, upkeep=upkeep)


def _reservations(settings: Settings) -> Reservations:
    url = settings.redis_url.get_secret_value()
    client = connect(url, timeout_seconds=_FLUSH_SECONDS, connections=2)
    return Reservations(KeptConnections(client))


def _flusher(settings: Settings) -> Flusher:
    url = settings.redis_url.get_secret_value()
    client = connect(url, timeout_seconds=_FLUSH_SECONDS, connections=2)
    return Flusher(
        KeptConnection(client),
        interval_ms=settings.flush_interval,
        lifetime_ms=settings.stream_lifetime,
    )


def _ledger(base: Foundation, flusher: Flusher) -> Ledger:
    settings = base.settings
    holder = Holder(base.incarnation, settings.worker_id, settings.node_id)
    claim = JobClaim(base.database, holder, lease_ms=settings.lease_time)
    return Ledger(claim, JobFinish(base.database), flusher, base.reservations)


def _heartbeat(base: Foundation, holdings: Holdings) -> Heartbeat:
    return Heartbeat(
        transition=base.transition,
        wake=base.wake,
        holdings=holdings,
        incarnation=base.incarnation,
        lease_ms=base.settings.lease_time,
        interval_seconds=base.settings.heartbeat_interval / 1000,
    )


def _breaker_policy(settings: Settings) -> BreakerPolicy:
    enabled = settings.enable_circuit_breaker
    return BreakerPolicy(
        threshold=settings.circuit_breaker_threshold if enabled else 0,
        timeout_seconds=settings.circuit_breaker_timeout / 1000,
    )
