"""What travels between callers and the repository: frozen, without a database in it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from backend.core.credential import Credential
from backend.core.identifiers import made_at_ms
from backend.core.jobs.states import (
    ErrorCode,
    Kind,
    OnDisconnect,
    Priority,
    Protocol,
    State,
)
from backend.core.limits.decision import Allowance


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job as it is submitted; `request` is its JSON, `cost` in estimated tokens."""

    id: str
    owner_id: int
    key_id: int | None
    kind: Kind
    model: str
    requested_model: str
    lane: str
    request: bytes
    cost: int
    weight: float
    priority: Priority
    on_disconnect: OnDisconnect
    queue_ms: int
    deadline_ms: int
    idempotency_key: str | None = None
    body_hash: str | None = None
    metadata: str | None = None
    request_id: str | None = None
    traceparent: str | None = None
    replay_of: str | None = None
    protocol: Protocol = Protocol.NATIVE
    # JSON of what the caller sent, where its protocol has to tell it again.
    original: bytes | None = None
    # Whether request and result stay for as long as retention says, or go at the end.
    kept: bool = True
    # What has to be reserved before it is accepted, and whose limits hold that.
    limits: Allowance | None = None
    limits_id: int | None = None
    # Accepted only if its caller is still who it was when it was recognised.
    credential: Credential | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A queued job that may be claimed, as it was read; milliseconds from then.

    A request that was too long to be read is empty.
    """

    id: str
    attempt: int
    failures: int
    kind: Kind
    model: str
    requested_model: str
    request: bytes
    deadline_ms: int
    request_id: str | None
    traceparent: str | None
    # Whose limits hold a reservation for it, under its id.
    limits_id: int | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that this process holds: `attempt` fences, `token` is the claim's own."""

    id: str
    attempt: int
    token: str
    failures: int
    kind: Kind
    model: str
    requested_model: str
    request: bytes
    deadline_ms: int
    request_id: str | None
    traceparent: str | None
    # Whose limits hold a reservation for it, under its id.
    limits_id: int | None = None


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """What an attempt did, for `job_attempts`; durations in milliseconds."""

    outcome: str
    node: str | None = None
    worker: str | None = None
    model: str | None = None
    model_digest: str | None = None
    options: str | None = None
    timings: str | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of a job as its holder commits it."""

    id: str
    attempt: int
    token: str
    state: State
    record: AttemptRecord
    last_event_id: str | None = None
    served_model: str | None = None
    result: str | None = None
    done_reason: str | None = None
    timings: str | None = None
    error_code: ErrorCode | None = None
    error: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    first_token_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Handback:
    """A running job that goes back to the queue, or ends if it may not.

    Args:
        costs: 1 if the attempt counts as a failure, 0 if not (drain, open breaker).
        delay_ms: How long until it is due again.
        reason: Why, as a final error code should this have been the last failure.
        error: The error's JSON for that case.
        failures: How many attempts failed before this one.
        completion_tokens: What this attempt received, as the job's if it ends.
    """

    id: str
    attempt: int
    failures: int
    costs: int
    delay_ms: int
    reason: ErrorCode
    error: str
    record: AttemptRecord
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """Where a row stands after somebody moved it."""

    id: str
    attempt: int
    state: State
    model: str
    requested_model: str
    kind: Kind
    error: dict[str, Any] | None = None
    owner_id: int = 0
    last_event_id: str | None = None
    completion_tokens: int | None = None
    limits_id: int | None = None


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as it stands in the table; the payload only where it was asked for."""

    id: str
    owner_id: int
    key_id: int | None
    kind: Kind
    model: str
    requested_model: str
    served_model: str | None
    lane: str
    priority: Priority
    queue_rank: int
    state: State
    attempt: int
    failures: int
    last_event_id: str | None
    node: str | None
    created_at: datetime
    started_at: datetime | None
    first_token_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    on_disconnect: OnDisconnect
    prompt_tokens: int | None
    completion_tokens: int | None
    done_reason: str | None
    timings: dict[str, Any] | None
    error: dict[str, Any] | None
    metadata: dict[str, Any] | None
    progress: dict[str, Any] | None
    replay_of: str | None
    idempotency_key: str | None
    body_hash: str | None
    request_id: str | None
    protocol: Protocol
    limits_id: int | None
    request: Any = field(default=None)
    result: Any = field(default=None)
    payload_expired: bool = False


def just_submitted(job: NewJob) -> JobRecord:
    """Give the row of a job that was committed this moment, without reading it."""
    made = datetime.fromtimestamp(made_at_ms(job.id) / 1000, UTC)
    return JobRecord(
        id=job.id,
        owner_id=job.owner_id,
        key_id=job.key_id,
        kind=job.kind,
        model=job.model,
        requested_model=job.requested_model,
        served_model=None,
        lane=job.lane,
        priority=job.priority,
        queue_rank=0,
        state=State.QUEUED,
        attempt=0,
        failures=0,
        last_event_id=None,
        node=None,
        created_at=made,
        started_at=None,
        first_token_at=None,
        finished_at=None,
        cancel_requested_at=None,
        on_disconnect=job.on_disconnect,
        prompt_tokens=None,
        completion_tokens=None,
        done_reason=None,
        timings=None,
        error=None,
        metadata=None if job.metadata is None else orjson.loads(job.metadata),
        progress=None,
        replay_of=job.replay_of,
        idempotency_key=job.idempotency_key,
        body_hash=job.body_hash,
        request_id=job.request_id,
        protocol=job.protocol,
        limits_id=job.limits_id,
    )
