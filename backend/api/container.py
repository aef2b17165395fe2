"""What the API is made of, wired once per process."""

import threading
from dataclasses import dataclass
from functools import partial
from typing import cast

import redis
from celery import Celery
from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy

from backend.api.admission import Admission
from backend.api.blocked_patterns import BlockedPatterns
from backend.api.contexts import Contexts
from backend.api.native_thread import in_native_thread
from backend.core.accounts.service import Accounts, wire_accounts
from backend.core.attachment import Attachments
from backend.core.broker import make_celery, send_ticket
from backend.core.catalogue import Catalogue
from backend.core.cluster import Cluster
from backend.core.db import Database
from backend.core.engines import (
    engine_options,
    open_hot_connections,
    prepare_engine,
)
from backend.core.forecast import Forecast
from backend.core.jobs.queue_room import QueueRoom
from backend.core.jobs.reads import JobReads
from backend.core.jobs.repository.insert import JobInsert
from backend.core.jobs.repository.position import JobPosition
from backend.core.jobs.repository.query import JobQuery
from backend.core.jobs.repository.retention import JobRetention
from backend.core.jobs.repository.transition import JobTransition
from backend.core.jobs.service import JobService
from backend.core.key_registry import KeyRegistry
from backend.core.keys import Keys
from backend.core.limits.reservations import Reservations
from backend.core.maintenance import Maintenance
from backend.core.models import Base
from backend.core.queue import Announcer, Wake
from backend.core.recent_snapshots import RecentSnapshots
from backend.core.redis_client import KeptConnections, connect
from backend.core.settings import Settings
from backend.core.streams.follow import Record
from backend.core.streams.hub import Hub
from backend.core.streams.outsider import OutsiderStream
from backend.core.usage.calls import UsageCalls
from backend.core.usage.sums import UsageSums

# One attempt, and a caller that waits for Redis waits no longer than this.
_REDIS_SECONDS = 0.25
# The subscription reads for a second at a time, so its replies may take longer.
_HUB_SECONDS = 5.0
# After a reconnect every open stream reads its record at once.
_REDIS_CONNECTIONS = 512
# Group commit makes few transactions out of many requests.
_DATABASE_CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a route may call."""

    settings: Settings
    database: Database
    redis: redis.Redis
    kept: KeptConnections
    celery: Celery
    keys: Keys
    key_registry: KeyRegistry
    reservations: Reservations
    accounts: Accounts
    catalogue: Catalogue
    admission: Admission
    cluster: Cluster
    forecast: Forecast
    query: JobQuery
    reads: JobReads
    retention: JobRetention
    maintenance: Maintenance
    usage: UsageSums
    calls: UsageCalls
    hub: Hub
    record: Record
    attachments: Attachments
    jobs: JobService
    draining: threading.Event


def close(services: Services) -> None:
    """Close all connections; a web server ends by its process's end instead."""
    services.hub.stop()
    services.kept.close()
    services.redis.close()
    services.celery.close()
    services.database.dispose()


def services() -> Services:
    """Give what the present request may call."""
    return cast("Services", current_app.extensions["corral"])


def flask_database(app: Flask, settings: Settings) -> Database:
    """Make the database over Flask-SQLAlchemy's engine and the platform's mappings."""
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url.get_secret_value()
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(
        settings, connections=_DATABASE_CONNECTIONS
    )
    extension = SQLAlchemy(app, model_class=Base)
    with app.app_context():
        engine = extension.engine
    prepare_engine(engine)
    hot = open_hot_connections(settings, connections=_DATABASE_CONNECTIONS)
    return Database(engine, hot)


def wire(
    settings: Settings,
    database: Database,
    *,
    blocked: BlockedPatterns | None = None,
) -> Services:
    """Put the services together; nothing connects before the first use."""
    client = _redis(settings, seconds=_REDIS_SECONDS)
    celery = make_celery(settings, socket_timeout_seconds=_REDIS_SECONDS)
    query, cluster = JobQuery(database), Cluster(client)
    catalogue = Catalogue(database, allowed=settings.allowed_models)
    recent = RecentSnapshots(cluster)
    reads = JobReads(query, JobPosition(database))
    kept = KeptConnections(client)
    reservations = Reservations(kept)
    announcer = Announcer(Wake(kept), partial(send_ticket, celery))
    outsider = OutsiderStream(client, lifetime_ms=settings.stream_lifetime)
    hub = Hub(
        _redis(settings, seconds=_HUB_SECONDS), partial(query.get_many, payload=False)
    )
    return Services(
        settings=settings,
        database=database,
        redis=client,
        kept=kept,
        celery=celery,
        keys=Keys(database),
        key_registry=KeyRegistry(database),
        reservations=reservations,
        accounts=wire_accounts(settings, database, client, run=in_native_thread),
        catalogue=catalogue,
        admission=Admission(
            settings,
            catalogue=catalogue,
            cluster=cluster,
            contexts=Contexts(recent, set_length=settings.model_context_length),
            blocked=blocked or BlockedPatterns(),
        ),
        cluster=cluster,
        forecast=Forecast(recent),
        query=query,
        reads=reads,
        retention=JobRetention(database),
        maintenance=Maintenance(database),
        usage=UsageSums(database),
        calls=UsageCalls(database),
        hub=hub,
        record=Record(client),
        attachments=Attachments(client),
        jobs=_job_service(
            settings,
            database,
            query,
            reads,
            hub=hub,
            announcer=announcer,
            outsider=outsider,
            reservations=reservations,
        ),
        draining=threading.Event(),
    )


def _job_service(
    settings: Settings,
    database: Database,
    query: JobQuery,
    reads: JobReads,
    *,
    hub: Hub,
    announcer: Announcer,
    outsider: OutsiderStream,
    reservations: Reservations,
) -> JobService:
    return JobService(
        insert=JobInsert(database, head_start=settings.priority_head_start),
        query=query,
        reads=reads,
        transition=JobTransition(
            database,
            max_failures=settings.ollama_max_retries,
            queue_ms=settings.queue_timeout,
        ),
        announcer=announcer,
        hub=hub,
        outsider=outsider,
        room=QueueRoom(
            query,
            max_queued=settings.max_queued_jobs,
            max_queued_per_key=settings.max_queued_jobs_per_key,
        ),
        reservations=reservations,
    )


def _redis(settings: Settings, *, seconds: float) -> redis.Redis:
    return connect(
        settings.redis_url.get_secret_value(),
        timeout_seconds=seconds,
        connections=_REDIS_CONNECTIONS,
    )
