"""What is said of an address and method in the OpenAPI document."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, TypeAdapter

from backend.api.openapi.forms import NATIVE, ErrorForm
from backend.api.schemas.queries import Query
from backend.core import account_errors, errors

Errors = tuple[type[errors.AppError], ...]

OF_KEYS: Errors = (
    errors.MissingKeyError,
    errors.InvalidKeyError,
    errors.ExpiredKeyError,
    errors.DisabledKeyError,
    account_errors.DisabledUserError,
    account_errors.SessionEndedError,
    errors.ScopeMissingError,
    errors.DatabaseUnavailableError,
)
OF_BODIES: Errors = (
    errors.MalformedJsonError,
    errors.BodyTooLargeError,
    errors.UnsupportedMediaTypeError,
    errors.InvalidRequestError,
)
OF_A_JOB: Errors = (errors.JobNotFoundError,)
# What is no number is at no address.
OF_A_KEY: Errors = (account_errors.KeyNotFoundError, errors.NotFoundError)
OF_SUBMISSION: Errors = (
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
OF_A_MODEL: Errors = (errors.ModelNotAllowedError, errors.ModelNotFoundError)
OF_ANSWERS = ("Idempotency-Key", "X-Corral-Retry", "X-Request-Id", "traceparent")


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


CSV = Gives(content_type="text/csv")
STREAM = Gives(content_type="text/event-stream")
LINES = Gives(content_type="application/x-ndjson")
NOTHING = Gives()
