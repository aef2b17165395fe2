"""The error tree: one class per thing that a caller handles differently.

A class's docstring is its default message, `code` is stable API, `status` is what the
native API answers with (JOBS.md 6 lists the codes).
"""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field of a request and what is wrong with it."""

    field: str
    message: str


class AppError(Exception):
    """Something went wrong in the platform."""

    code: str = "internal"
    status: int = 500
    retryable: bool = False

    def __init__(
        self,
        detail: str = "",
        *,
        errors: tuple[FieldError, ...] = (),
        retry_after: int | None = None,
    ) -> None:
        """Keep the sentence for the caller, the fields at fault and when to retry.

        Args:
            detail: What was wrong and what is allowed; the docstring if empty.
            errors: The fields at fault.
            retry_after: Seconds after which another try makes sense.
        """
        self.detail = detail or (type(self).__doc__ or "").split("\n", 1)[0]
        self.errors = errors
        self.retry_after = retry_after
        super().__init__(self.detail)


# What the caller sent.
class MalformedJsonError(AppError):
    """The body is not valid JSON."""

    code, status = "malformed_json", 400


class InvalidRequestError(AppError):
    """The request has fields that are missing, unknown or of the wrong kind."""

    code, status = "invalid_request", 422

    @classmethod
    def of(cls, field: str, message: str) -> Self:
        """Make the error of one field."""
        return cls(f"{field}: {message}", errors=(FieldError(field, message),))


class ContextLengthExceededError(AppError):
    """The prompt is longer than the model's context."""

    code, status = "context_length_exceeded", 422


class ContentBlockedError(AppError):
    """The request has content that this server does not take."""

    code, status = "content_blocked", 422

    def __init__(self, detail: str = "", *, line: int | None = None) -> None:
        """Keep the line of the pattern that matched: for the log, not the caller."""
        super().__init__(detail)
        self.line = line


class UnsupportedByModelError(AppError):
    """The model cannot do what the request asks of it."""

    code, status = "unsupported_by_model", 422


class TokensAboveLimitError(AppError):
    """The request may use more tokens than its key may at all, so it can never pass."""

    code, status = "tokens_above_limit", 422


class RequestsAboveLimitError(AppError):
    """The request asks for more answers at once than its key may ever have."""

    code, status = "requests_above_limit", 422


class BodyTooLargeError(AppError):
    """The body is larger than the server takes."""

    code, status = "body_too_large", 413


class UnsupportedMediaTypeError(AppError):
    """The body must be sent as application/json."""

    code, status = "unsupported_media_type", 415


class MethodNotAllowedError(AppError):
    """This address does not take that method; `Allow` lists those that it takes."""

    code, status = "method_not_allowed", 405


class NotAcceptableError(AppError):
    """The Accept header asks for a type that this address does not answer with."""

    code, status = "not_acceptable", 406


class NotOfferedError(AppError):
    """This server does not offer that."""

    code, status = "not_offered", 501


# Who the caller is.
class MissingKeyError(AppError):
    """Send your key as `Authorization: Bearer <key>`."""

    code, status = "missing_key", 401


class InvalidKeyError(AppError):
    """The key is not known."""

    code, status = "invalid_key", 401


class ExpiredKeyError(AppError):
    """The key has expired; ask an administrator for a new one."""

    code, status = "expired_key", 401


class DisabledKeyError(AppError):
    """The key is disabled; ask an administrator for a new one."""

    code, status = "disabled_key", 401


class ScopeMissingError(AppError):
    """The key does not have the scope that this request needs."""

    code, status = "scope_missing", 403


class ModelNotAllowedError(AppError):
    """The key may not use this model."""

    code, status = "model_not_allowed", 403


# What is not there, or not any more.
class NotFoundError(AppError):
    """There is nothing at this address."""

    code, status = "not_found", 404


class JobNotFoundError(NotFoundError):
    """No job of yours has this id."""

    code = "job_not_found"


class ResponseNotFoundError(NotFoundError):
    """No response of yours has this id, or it is no longer kept."""

    code = "response_not_found"


class PreviousResponseNotFoundError(AppError):
    """No response of yours has the id in `previous_response_id`; it may be deleted."""

    code, status = "previous_response_not_found", 400


class ModelNotFoundError(NotFoundError):
    """The model is not in the catalogue; `GET /api/v1/models` lists those that are."""

    code = "model_not_found"


class PayloadExpiredError(AppError):
    """The job's request and result are no longer kept."""

    code, status = "payload_expired", 410


# What is in the way.
class IdempotencyConflictError(AppError):
    """This Idempotency-Key was used before with another body."""

    code, status = "idempotency_conflict", 409


class JobIsFinalError(AppError):
    """The job has ended, and a final state never changes."""

    code, status = "job_is_final", 409


class ResponseIsRunningError(AppError):
    """The response is being stopped; ask again in a moment."""

    code, status, retryable = "response_is_running", 409, True


class RateLimitedError(AppError):
    """The key has used up its rate for now."""

    code, status, retryable = "rate_limited", 429, True


class InsufficientQuotaError(AppError):
    """The key has used up its tokens of today."""

    code, status, retryable = "insufficient_quota", 429, True


class QueueFullError(AppError):
    """Too many jobs are waiting."""

    code, status, retryable = "queue_full", 429, True

    def __init__(self, detail: str, *, queue_length: int, retry_after: int) -> None:
        """Keep how many jobs wait in all."""
        super().__init__(detail, retry_after=retry_after)
        self.queue_length = queue_length


# What is down.
class UnavailableError(AppError):
    """A part of the platform cannot be reached."""

    status, retryable = 503, True


class DatabaseUnavailableError(UnavailableError):
    """The database cannot be reached; nothing was accepted, try again."""

    code = "database_unavailable"


class QueueUnavailableError(UnavailableError):
    """Redis cannot be reached, so the key's limits cannot be checked; try again."""

    code = "queue_unavailable"


class NodeUnavailableError(UnavailableError):
    """No node that could do it is there; try again."""

    code = "node_unavailable"


class DrainingError(UnavailableError):
    """This server is shutting down; try again."""

    code = "draining"
