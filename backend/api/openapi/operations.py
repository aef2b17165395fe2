"""What each address takes and gives, beside what its route says of itself."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, TypeAdapter

from backend.api.openapi import examples
from backend.api.schemas.keys import KeyChanges, NewKey, NewSession, Rotation
from backend.api.schemas.queries import EventsQuery, JobsQuery, Query, TokensQuery
from backend.api.schemas.submit import SUBMIT_JOB
from backend.api.schemas.views import (
    account,
    events,
    health,
    jobs,
    keys,
    maintenance,
    models,
    nodes,
)
from backend.core import errors

Errors = tuple[type[errors.AppError], ...]

OF_KEYS: Errors = (
    errors.MissingKeyError,
    errors.InvalidKeyError,
    errors.ExpiredKeyError,
    errors.DisabledKeyError,
    errors.ScopeMissingError,
    errors.DatabaseUnavailableError,
)
OF_BODIES: Errors = (
    errors.MalformedJsonError,
    errors.BodyTooLargeError,
    errors.UnsupportedMediaTypeError,
    errors.InvalidRequestError,
)
_OF_A_JOB: Errors = (errors.JobNotFoundError,)
# What is no number is at no address.
_OF_A_KEY: Errors = (errors.KeyNotFoundError, errors.NotFoundError)
_OF_SUBMISSION: Errors = (
    errors.NotAcceptableError,
    errors.ModelNotAllowedError,
    errors.ModelNotFoundError,
    errors.IdempotencyConflictError,
    errors.UnsupportedByModelError,
    errors.TokensAboveLimitError,
    errors.RateLimitedError,
    errors.InsufficientQuotaError,
    errors.QueueFullError,
    errors.QueueUnavailableError,
    errors.DrainingError,
)


@dataclass(frozen=True, slots=True)
class Gives:
    """A successful answer: JSON of a model, other text, or nothing."""

    model: type[BaseModel] | None = None
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Operation:
    """One address and method."""

    tag: str
    gives: dict[int, tuple[Gives, ...]]
    errors: Errors = ()
    body: TypeAdapter[Any] | None = None
    needs_body: bool = True
    examples: dict[str, Any] | None = None
    query: type[Query] | None = None
    headers: tuple[str, ...] = ()


_STREAM = Gives(content_type="text/event-stream")
_JOB = Gives(jobs.JobView)
_KEY = Gives(keys.KeyView)
_NOTHING = Gives()

OPERATIONS: dict[str, Operation] = {
    "submission.submit": Operation(
        "Jobs",
        {200: (_JOB, _STREAM), 202: (_JOB,)},
        _OF_SUBMISSION,
        body=SUBMIT_JOB,
        examples=examples.SUBMISSIONS,
        headers=("Idempotency-Key", "Prefer", "X-Request-Id", "traceparent"),
    ),
    "cancels.cancel": Operation(
        "Jobs", {200: (_JOB,)}, (*_OF_A_JOB, errors.JobIsFinalError)
    ),
    "jobs.list_jobs": Operation("Jobs", {200: (Gives(jobs.JobList),)}, query=JobsQuery),
    "jobs.get": Operation("Jobs", {200: (_JOB,)}, _OF_A_JOB),
    "jobs.events": Operation(
        "Jobs",
        {200: (_STREAM,)},
        (*_OF_A_JOB, errors.NotAcceptableError, errors.PayloadExpiredError),
        query=EventsQuery,
        headers=("Last-Event-ID",),
    ),
    "jobs.tokens": Operation(
        "Jobs",
        {200: (Gives(events.EventsPage),)},
        (*_OF_A_JOB, errors.PayloadExpiredError),
        query=TokensQuery,
    ),
    "replays.replay": Operation(
        "Jobs",
        {202: (_JOB,)},
        (
            *_OF_A_JOB,
            errors.InvalidRequestError,
            errors.PayloadExpiredError,
            errors.QueueFullError,
        ),
    ),
    "models.list_models": Operation("Models", {200: (Gives(models.ModelList),)}),
    "nodes.list_nodes": Operation(
        "Nodes", {200: (Gives(nodes.NodeList),)}, (errors.QueueUnavailableError,)
    ),
    "account.me": Operation("Account", {200: (Gives(account.Me),)}),
    "login.open_session": Operation(
        "Account",
        {201: (Gives(account.SessionView),)},
        OF_KEYS[1:4] + OF_KEYS[5:],
        body=TypeAdapter(NewSession),
        examples=examples.SESSIONS,
    ),
    "account.close_session": Operation(
        "Account", {204: (_NOTHING,)}, (errors.NotFoundError,)
    ),
    "keys.list_keys": Operation("Keys", {200: (Gives(keys.KeyList),)}),
    "keys.create": Operation(
        "Keys",
        {201: (Gives(keys.NewKeyView),)},
        body=TypeAdapter(NewKey),
        examples=examples.KEYS,
    ),
    "keys.get": Operation("Keys", {200: (Gives(keys.StandingKeyView),)}, _OF_A_KEY),
    "keys.update": Operation(
        "Keys",
        {200: (_KEY,)},
        _OF_A_KEY,
        body=TypeAdapter(KeyChanges),
        examples=examples.KEY_CHANGES,
    ),
    "keys.rotate": Operation(
        "Keys",
        {201: (Gives(keys.NewKeyView),)},
        (*_OF_A_KEY, errors.KeyInactiveError, errors.KeyWasRotatedError),
        body=TypeAdapter(Rotation),
        needs_body=False,
        examples=examples.ROTATIONS,
    ),
    "keys.disable": Operation("Keys", {200: (_KEY,)}, _OF_A_KEY),
    "keys.enable": Operation("Keys", {200: (_KEY,)}, _OF_A_KEY),
    "keys.delete": Operation(
        "Keys", {204: (_NOTHING,)}, (*_OF_A_KEY, errors.KeyWasUsedError)
    ),
    "maintenance.list_runs": Operation(
        "Maintenance", {200: (Gives(maintenance.RunList),)}
    ),
    "maintenance.run": Operation(
        "Maintenance",
        {202: (Gives(maintenance.Sent),)},
        (errors.NotFoundError, errors.QueueUnavailableError),
    ),
    "health.live": Operation("Health", {200: (Gives(health.Health),)}),
    "health.ready": Operation(
        "Health",
        {200: (Gives(health.Readiness),), 503: (Gives(health.Readiness),)},
    ),
    "metrics.metrics": Operation("Health", {200: (Gives(content_type="text/plain"),)}),
}

HEADERS: dict[str, tuple[str, dict[str, Any]]] = {
    "Idempotency-Key": (
        "The same key with the same body gives the same job, for 24 hours.",
        {"type": "string", "pattern": "^[\\x20-\\x7e]{1,255}$"},
    ),
    "Prefer": (
        "`wait=N`: answer 200 with the finished job if that takes at most N seconds.",
        {"type": "string", "examples": ["wait=30"]},
    ),
    "Last-Event-ID": (
        "The last event that was heard; the stream goes on after it.",
        {"type": "string", "pattern": "^[0-9]{1,20}-[0-9]{1,20}$"},
    ),
    "X-Request-Id": (
        "An id of yours that follows the job through all logs.",
        {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
    ),
    "traceparent": ("W3C trace context; kept on the job.", {"type": "string"}),
}
