"""Make the values that tests of jobs need; each name and number may be overridden."""

import itertools
from typing import Any

import orjson
from pydantic import SecretStr

from backend.core.db import Database, open_database
from backend.core.identifiers import uuid7
from backend.core.jobs.records import AttemptRecord, Claimed, Due, Finish, NewJob
from backend.core.jobs.repository.insert import JobInsert
from backend.core.jobs.states import Kind, OnDisconnect, Priority, State
from backend.core.models import Base
from backend.core.names import generation_lane
from backend.core.settings import Settings

MODEL = "tiny-chat:latest"
EMBED_MODEL = "tiny-embed:latest"
HOUR_MS = 3_600_000
CHAT = {"messages": [{"role": "user", "content": "Say something."}]}

_numbers = itertools.count(1)


def settings_for(database_url: str = "sqlite://", **over: Any) -> Settings:
    """Make settings that no environment variable has a part in."""
    urls = {
        "database_url": SecretStr(database_url),
        "redis_url": SecretStr(over.pop("redis_url", "redis://nobody.invalid")),
    }
    return Settings(**urls, **over)


def open_test_database(url: str, *, connections: int = 10) -> Database:
    return open_database(settings_for(url), connections=connections)


def empty(database: Database) -> None:
    """Remove all rows of all tables."""
    with database.engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())


def new_job(**over: Any) -> NewJob:
    model = over.pop("model", MODEL)
    request = over.pop("request", CHAT)
    values: dict[str, Any] = {
        "id": uuid7(),
        "owner_id": 1,
        "key_id": None,
        "kind": Kind.CHAT,
        "model": model,
        "requested_model": model,
        "lane": generation_lane(model),
        "request": request if isinstance(request, bytes) else orjson.dumps(request),
        "cost": 100,
        "weight": 1.0,
        "priority": Priority.NORMAL,
        "on_disconnect": OnDisconnect.CONTINUE,
        "queue_ms": HOUR_MS,
        "deadline_ms": HOUR_MS,
    }
    return NewJob(**(values | over))


def insert(database: Database, *jobs: NewJob) -> list[str]:
    """Commit jobs, one after the other, and give their ids."""
    write = JobInsert(database, head_start=20_000)
    for job in jobs:
        write([job])
    return [job.id for job in jobs]


def due_job(**over: Any) -> Due:
    values: dict[str, Any] = {
        "id": f"job-{next(_numbers)}",
        "attempt": 0,
        "failures": 0,
        "kind": Kind.CHAT,
        "model": MODEL,
        "requested_model": MODEL,
        "request": orjson.dumps(CHAT),
        "deadline_ms": HOUR_MS,
        "request_id": None,
        "traceparent": None,
    }
    return Due(**(values | over))


def claimed_job(**over: Any) -> Claimed:
    values: dict[str, Any] = {
        "id": f"job-{next(_numbers)}",
        "attempt": 1,
        "token": "token",
        "failures": 0,
        "kind": Kind.CHAT,
        "model": MODEL,
        "requested_model": MODEL,
        "request": orjson.dumps(CHAT),
        "deadline_ms": HOUR_MS,
        "request_id": None,
        "traceparent": None,
    }
    return Claimed(**(values | over))


def finish_of(job: Claimed, **over: Any) -> Finish:
    state = over.pop("state", State.SUCCEEDED)
    values: dict[str, Any] = {
        "id": job.id,
        "attempt": job.attempt,
        "token": job.token,
        "state": state,
        "record": AttemptRecord(state.value, node="n", worker="w", model=job.model),
        "result": '{"text": "answer"}',
        "last_event_id": f"{job.attempt}-2",
    }
    return Finish(**(values | over))
