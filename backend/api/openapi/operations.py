"""What each address takes and gives, beside what its route says of itself."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, TypeAdapter

from backend.api.anthropic.schemas import views as anthropic
from backend.api.anthropic.schemas.messages import (
    MessageCountTokensParams,
    MessageCreateParams,
)
from backend.api.openai.schemas.chat import ChatCompletionRequest
from backend.api.openai.schemas.completions import CompletionRequest
from backend.api.openai.schemas.embeddings import CreateEmbeddingRequest
from backend.api.openai.schemas.views import (
    ChatCompletion,
    Completion,
    CreateEmbeddingResponse,
    ListModelsResponse,
    Model,
)
from backend.api.openapi import examples
from backend.api.openapi.forms import ANTHROPIC, NATIVE, OPENAI, ErrorForm
from backend.api.schemas.accounts import (
    OPEN_SESSION,
    ChangedPassword,
    ChangedUser,
    NewOwnKey,
    NewUser,
)
from backend.api.schemas.keys import KeyChanges, NewKey, Rotation
from backend.api.schemas.queries import EventsQuery, JobsQuery, Query, TokensQuery
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
    own_keys,
    usage,
    users,
)
from backend.core import errors

Errors = tuple[type[errors.AppError], ...]

OF_KEYS: Errors = (
    errors.MissingKeyError,
    errors.InvalidKeyError,
    errors.ExpiredKeyError,
    errors.DisabledKeyError,
    errors.DisabledUserError,
    errors.SessionEndedError,
    errors.ScopeMissingError,
    errors.DatabaseUnavailableError,
)
OF_BODIES: Errors = (
    errors.MalformedJsonError,
    errors.BodyTooLargeError,
    errors.UnsupportedMediaTypeError,
    errors.InvalidRequestError,
)
_OF_PASSWORDS: Errors = (errors.TooManyLoginsError, errors.QueueUnavailableError)
_OF_LOGINS: Errors = (
    errors.WrongPasswordError,
    errors.InvalidKeyError,
    errors.ExpiredKeyError,
    errors.DisabledKeyError,
    errors.DisabledUserError,
    errors.DatabaseUnavailableError,
    *_OF_PASSWORDS,
)
_OF_A_USER: Errors = (errors.UserNotFoundError, errors.LastAdministratorError)
_OF_A_JOB: Errors = (errors.JobNotFoundError,)
# What is no number is at no address.
_OF_A_KEY: Errors = (errors.KeyNotFoundError, errors.NotFoundError)
_OF_SUBMISSION: Errors = (
    errors.NotAcceptableError,
    errors.ModelNotAllowedError,
    errors.ModelNotFoundError,
    errors.IdempotencyConflictError,
    errors.UnsupportedByModelError,
    errors.ContextLengthExceededError,
    errors.ContentBlockedError,
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
    form: ErrorForm = NATIVE


_CSV = Gives(content_type="text/csv")
_STREAM = Gives(content_type="text/event-stream")
_JOB = Gives(jobs.JobView)
_KEY = Gives(keys.KeyView)
_USER = Gives(users.AccountView)
_NOTHING = Gives()
_CALL_HEADERS = ("Idempotency-Key", "X-Corral-Retry", "X-Request-Id", "traceparent")

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
        headers=_CALL_HEADERS,
        form=OPENAI,
    ),
    "openai_completions.create": Operation(
        "OpenAI",
        {200: (Gives(Completion), _STREAM)},
        _OF_SUBMISSION,
        body=TypeAdapter(CompletionRequest),
        examples=examples.COMPLETIONS,
        headers=_CALL_HEADERS,
        form=OPENAI,
    ),
    "openai_embeddings.create": Operation(
        "OpenAI",
        {200: (Gives(CreateEmbeddingResponse),)},
        _OF_SUBMISSION,
        body=TypeAdapter(CreateEmbeddingRequest),
        examples=examples.EMBEDDINGS,
        headers=_CALL_HEADERS,
        form=OPENAI,
    ),
    "openai_models.list_models": Operation(
        "OpenAI", {200: (Gives(ListModelsResponse),)}, form=OPENAI
    ),
    "openai_models.get": Operation(
        "OpenAI", {200: (Gives(Model),)}, (errors.ModelNotFoundError,), form=OPENAI
    ),
    "anthropic.create": Operation(
        "Anthropic",
        {200: (Gives(anthropic.AnthropicMessage), _STREAM)},
        _OF_SUBMISSION,
        body=TypeAdapter(MessageCreateParams),
        examples=examples.MESSAGES,
        headers=_CALL_HEADERS,
        form=ANTHROPIC,
    ),
    "anthropic_counting.count_tokens": Operation(
        "Anthropic",
        {200: (Gives(anthropic.MessageTokensCount),)},
        (errors.ModelNotAllowedError, errors.ModelNotFoundError),
        body=TypeAdapter(MessageCountTokensParams),
        form=ANTHROPIC,
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
    "usage.sums": Operation(
        "Usage",
        {200: (Gives(usage.UsageReport), _CSV)},
        (errors.NotAcceptableError,),
        query=UsageQuery,
    ),
    "usage.list_calls": Operation(
        "Usage",
        {200: (Gives(usage.CallList), _CSV)},
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
        _OF_LOGINS,
        body=OPEN_SESSION,
        examples=examples.SESSIONS,
    ),
    "account.change_password": Operation(
        "Account",
        {204: (_NOTHING,)},
        (errors.NoPasswordError, *_OF_PASSWORDS),
        body=TypeAdapter(ChangedPassword),
    ),
    "account.close_session": Operation(
        "Account", {204: (_NOTHING,)}, (errors.NotFoundError,)
    ),
    "own_keys.list_keys": Operation("Account", {200: (Gives(own_keys.OwnKeyList),)}),
    "own_keys.create": Operation(
        "Account",
        {201: (Gives(own_keys.NewOwnKeyView),)},
        (errors.TooManyKeysError,),
        body=TypeAdapter(NewOwnKey),
        examples=examples.OWN_KEYS,
    ),
    "own_keys.disable": Operation(
        "Account", {204: (_NOTHING,)}, (errors.NotFoundError,)
    ),
    "users.list_users": Operation("Users", {200: (Gives(users.AccountList),)}),
    "users.create": Operation(
        "Users",
        {201: (_USER,)},
        (errors.UserExistsError, errors.TooManyLoginsError),
        body=TypeAdapter(NewUser),
        examples=examples.USERS,
    ),
    "users.get": Operation("Users", {200: (_USER,)}, (errors.UserNotFoundError,)),
    "users.change": Operation(
        "Users",
        {200: (_USER,)},
        (*_OF_A_USER, errors.TooManyLoginsError),
        body=TypeAdapter(ChangedUser),
        examples=examples.USER_CHANGES,
    ),
    "users.delete": Operation(
        "Users", {204: (_NOTHING,)}, (*_OF_A_USER, errors.UserInUseError)
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
        (*_OF_A_KEY, errors.KeyInactiveError),
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
}
