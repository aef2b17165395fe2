"""What each address takes and gives, beside what its route says of itself."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, TypeAdapter

from backend.api.ollama.schemas import views as ollama
from backend.api.ollama.schemas.chat import OllamaChatRequest
from backend.api.ollama.schemas.embed import OllamaEmbeddingsRequest, OllamaEmbedRequest
from backend.api.ollama.schemas.generate import OllamaGenerateRequest
from backend.api.ollama.schemas.models import (
    OllamaCopyRequest,
    OllamaDeleteRequest,
    OllamaPullRequest,
    OllamaShowRequest,
)
from backend.api.openai.schemas.chat import ChatCompletionRequest
from backend.api.openai.schemas.views import ChatCompletion
from backend.api.openapi import examples
from backend.api.openapi.forms import NATIVE, OLLAMA, OPENAI, ErrorForm
from backend.api.schemas.keys import NewKey, NewSession
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
_OF_SUBMISSION: Errors = (
    errors.NotAcceptableError,
    errors.ModelNotAllowedError,
    errors.ModelNotFoundError,
    errors.IdempotencyConflictError,
    errors.UnsupportedByModelError,
    errors.ContextLengthExceededError,
    errors.ContentBlockedError,
    errors.QueueFullError,
    errors.QueueUnavailableError,
    errors.DrainingError,
)
_OF_A_MODEL: Errors = (errors.ModelNotAllowedError, errors.ModelNotFoundError)
_OF_ANSWERS = ("Idempotency-Key", "X-Request-Id", "traceparent")


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
    examples: dict[str, Any] | None = None
    query: type[Query] | None = None
    headers: tuple[str, ...] = ()
    form: ErrorForm = NATIVE


_STREAM = Gives(content_type="text/event-stream")
_LINES = Gives(content_type="application/x-ndjson")
_JOB = Gives(jobs.JobView)
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
    "openai_chat.create": Operation(
        "OpenAI",
        {200: (Gives(ChatCompletion), _STREAM)},
        _OF_SUBMISSION,
        body=TypeAdapter(ChatCompletionRequest),
        examples=examples.CHAT_COMPLETIONS,
        headers=("Idempotency-Key", "X-Request-Id", "traceparent"),
        form=OPENAI,
    ),
    "ollama_root.root": Operation(
        "Ollama", {200: (Gives(content_type="text/plain"),)}, form=OLLAMA
    ),
    "ollama.chat": Operation(
        "Ollama",
        {200: (Gives(ollama.OllamaChatResponse), _LINES)},
        _OF_SUBMISSION,
        body=TypeAdapter(OllamaChatRequest),
        examples=examples.OLLAMA_CHATS,
        headers=_OF_ANSWERS,
        form=OLLAMA,
    ),
    "ollama.generate": Operation(
        "Ollama",
        {200: (Gives(ollama.OllamaGenerateResponse), _LINES)},
        _OF_SUBMISSION,
        body=TypeAdapter(OllamaGenerateRequest),
        examples=examples.OLLAMA_PROMPTS,
        headers=_OF_ANSWERS,
        form=OLLAMA,
    ),
    "ollama.embed": Operation(
        "Ollama",
        {200: (Gives(ollama.OllamaEmbedResponse),)},
        _OF_SUBMISSION,
        body=TypeAdapter(OllamaEmbedRequest),
        headers=_OF_ANSWERS,
        form=OLLAMA,
    ),
    "ollama.embed_prompt": Operation(
        "Ollama",
        {200: (Gives(ollama.OllamaEmbeddingsResponse),)},
        _OF_SUBMISSION,
        body=TypeAdapter(OllamaEmbeddingsRequest),
        headers=_OF_ANSWERS,
        form=OLLAMA,
    ),
    "ollama_models.tags": Operation(
        "Ollama", {200: (Gives(ollama.OllamaModels),)}, form=OLLAMA
    ),
    "ollama_models.ps": Operation(
        "Ollama",
        {200: (Gives(ollama.OllamaModels),)},
        (errors.QueueUnavailableError,),
        form=OLLAMA,
    ),
    "ollama_models.show": Operation(
        "Ollama",
        {200: (Gives(ollama.OllamaModelInfo),)},
        _OF_A_MODEL,
        body=TypeAdapter(OllamaShowRequest),
        form=OLLAMA,
    ),
    "ollama_models.version": Operation(
        "Ollama", {200: (Gives(ollama.OllamaVersion),)}, form=OLLAMA
    ),
    "ollama_models.status": Operation(
        "Ollama", {200: (Gives(ollama.OllamaStatus),)}, form=OLLAMA
    ),
    "ollama_administration.pull": Operation(
        "Ollama",
        {200: (Gives(ollama.OllamaProgress), _LINES)},
        _OF_SUBMISSION,
        body=TypeAdapter(OllamaPullRequest),
        headers=_OF_ANSWERS,
        form=OLLAMA,
    ),
    "ollama_administration.copy": Operation(
        "Ollama",
        {200: (_NOTHING,)},
        (*_OF_A_MODEL, errors.NodeUnavailableError),
        body=TypeAdapter(OllamaCopyRequest),
        form=OLLAMA,
    ),
    "ollama_administration.delete": Operation(
        "Ollama",
        {200: (_NOTHING,)},
        (*_OF_A_MODEL, errors.NodeUnavailableError),
        body=TypeAdapter(OllamaDeleteRequest),
        form=OLLAMA,
    ),
    "ollama_administration.not_offered": Operation(
        "Ollama", {}, (errors.NotOfferedError,), form=OLLAMA
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
    "keys.revoke": Operation("Keys", {204: (_NOTHING,)}, (errors.NotFoundError,)),
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
