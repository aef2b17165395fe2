"""What each address takes and gives, beside what its route says of itself."""

from typing import Any

from backend.api.anthropic.asking import VERSION_HEADER
from backend.api.openapi import examples
from backend.api.openapi.account_operations import ACCOUNT_OPERATIONS
from backend.api.openapi.anthropic_operations import ANTHROPIC_OPERATIONS
from backend.api.openapi.ollama_operations import OLLAMA_OPERATIONS
from backend.api.openapi.openai_operations import OPENAI_OPERATIONS
from backend.api.openapi.operation import (
    CSV,
    OF_A_JOB,
    OF_SUBMISSION,
    STREAM,
    Gives,
    Operation,
)
from backend.api.schemas.queries import EventsQuery, JobsQuery, TokensQuery
from backend.api.schemas.submit import SUBMIT_JOB
from backend.api.schemas.usage import CallsQuery, UsageQuery
from backend.api.schemas.views import (
    events,
    health,
    jobs,
    maintenance,
    models,
    nodes,
    usage,
)
from backend.core import errors

_JOB = Gives(jobs.JobView)

OPERATIONS: dict[str, Operation] = {
    **OPENAI_OPERATIONS,
    **ANTHROPIC_OPERATIONS,
    **OLLAMA_OPERATIONS,
    **ACCOUNT_OPERATIONS,
    "submission.submit": Operation(
        "Jobs",
        {200: (_JOB, STREAM), 202: (_JOB,)},
        OF_SUBMISSION,
        body=SUBMIT_JOB,
        examples=examples.SUBMISSIONS,
        headers=("Idempotency-Key", "Prefer", "X-Request-Id", "traceparent"),
    ),
    "cancels.cancel": Operation(
        "Jobs", {200: (_JOB,)}, (*OF_A_JOB, errors.JobIsFinalError)
    ),
    "jobs.list_jobs": Operation("Jobs", {200: (Gives(jobs.JobList),)}, query=JobsQuery),
    "jobs.get": Operation("Jobs", {200: (_JOB,)}, OF_A_JOB),
    "jobs.events": Operation(
        "Jobs",
        {200: (STREAM,)},
        (*OF_A_JOB, errors.NotAcceptableError, errors.PayloadExpiredError),
        query=EventsQuery,
        headers=("Last-Event-ID",),
    ),
    "jobs.tokens": Operation(
        "Jobs",
        {200: (Gives(events.EventsPage),)},
        (*OF_A_JOB, errors.PayloadExpiredError),
        query=TokensQuery,
    ),
    "replays.replay": Operation(
        "Jobs",
        {202: (_JOB,)},
        (
            *OF_A_JOB,
            errors.InvalidRequestError,
            errors.PayloadExpiredError,
            errors.QueueFullError,
        ),
    ),
    "usage.sums": Operation(
        "Usage",
        {200: (Gives(usage.UsageReport), CSV)},
        (errors.NotAcceptableError,),
        query=UsageQuery,
    ),
    "usage.list_calls": Operation(
        "Usage",
        {200: (Gives(usage.CallList), CSV)},
        (errors.NotAcceptableError,),
        query=CallsQuery,
    ),
    "models.list_models": Operation("Models", {200: (Gives(models.ModelList),)}),
    "nodes.list_nodes": Operation(
        "Nodes", {200: (Gives(nodes.NodeList),)}, (errors.QueueUnavailableError,)
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
    "X-Corral-Retry": (
        "`attach`: a client's own repeat waits for the answer that is being made.",
        {"enum": ["attach", "new"]},
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
    VERSION_HEADER: (
        "Any: the models are told as Anthropic does.",
        {"type": "string", "examples": ["2023-06-01"]},
    ),
}
