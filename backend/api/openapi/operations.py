"""What each address takes and gives, beside what its route says of itself."""

from typing import Any

from pydantic import TypeAdapter

from backend.api.openai.schemas.chat import ChatCompletionRequest
from backend.api.openai.schemas.views import ChatCompletion
from backend.api.openapi import examples
from backend.api.openapi.forms import OPENAI
from backend.api.openapi.ollama_operations import OLLAMA_OPERATIONS
from backend.api.openapi.operation import (
    CSV,
    NOTHING,
    OF_A_JOB,
    OF_A_KEY,
    OF_KEYS,
    OF_SUBMISSION,
    STREAM,
    Gives,
    Operation,
)
from backend.api.schemas.keys import KeyChanges, NewKey, NewSession, Rotation
from backend.api.schemas.queries import EventsQuery, JobsQuery, TokensQuery
from backend.api.schemas.submit import SUBMIT_JOB
from backend.api.schemas.usage import CallsQuery, UsageQuery
from backend.api.schemas.views import (
    account,
    events,
    health,
    jobs,
    keys,
    maintenance,
    models,
    nodes,
    usage,
)
from backend.core import errors

_JOB = Gives(jobs.JobView)
_KEY = Gives(keys.KeyView)

OPERATIONS: dict[str, Operation] = {
    **OLLAMA_OPERATIONS,
    "submission.submit": Operation(
        "Jobs",
        {200: (_JOB, STREAM), 202: (_JOB,)},
        OF_SUBMISSION,
        body=SUBMIT_JOB,
        examples=examples.SUBMISSIONS,
        headers=("Idempotency-Key", "Prefer", "X-Request-Id", "traceparent"),
    ),
    "openai_chat.create": Operation(
        "OpenAI",
        {200: (Gives(ChatCompletion), STREAM)},
        OF_SUBMISSION,
        body=TypeAdapter(ChatCompletionRequest),
        examples=examples.CHAT_COMPLETIONS,
        headers=("Idempotency-Key", "X-Request-Id", "traceparent"),
        form=OPENAI,
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
    "account.me": Operation("Account", {200: (Gives(account.Me),)}),
    "login.open_session": Operation(
        "Account",
        {201: (Gives(account.SessionView),)},
        OF_KEYS[1:4] + OF_KEYS[5:],
        body=TypeAdapter(NewSession),
        examples=examples.SESSIONS,
    ),
    "account.close_session": Operation(
        "Account", {204: (NOTHING,)}, (errors.NotFoundError,)
    ),
    "keys.list_keys": Operation("Keys", {200: (Gives(keys.KeyList),)}),
    "keys.create": Operation(
        "Keys",
        {201: (Gives(keys.NewKeyView),)},
        body=TypeAdapter(NewKey),
        examples=examples.KEYS,
    ),
    "keys.get": Operation("Keys", {200: (Gives(keys.StandingKeyView),)}, OF_A_KEY),
    "keys.update": Operation(
        "Keys",
        {200: (_KEY,)},
        OF_A_KEY,
        body=TypeAdapter(KeyChanges),
        examples=examples.KEY_CHANGES,
    ),
    "keys.rotate": Operation(
        "Keys",
        {201: (Gives(keys.NewKeyView),)},
        (*OF_A_KEY, errors.KeyInactiveError),
        body=TypeAdapter(Rotation),
        needs_body=False,
        examples=examples.ROTATIONS,
    ),
    "keys.disable": Operation("Keys", {200: (_KEY,)}, OF_A_KEY),
    "keys.enable": Operation("Keys", {200: (_KEY,)}, OF_A_KEY),
    "keys.delete": Operation(
        "Keys", {204: (NOTHING,)}, (*OF_A_KEY, errors.KeyWasUsedError)
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
