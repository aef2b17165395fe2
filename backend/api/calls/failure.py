"""Jobs that did not succeed, as errors of the call that waited for them."""

from http import HTTPStatus
from typing import Any

from backend.core.errors import AppError
from backend.core.jobs.states import ErrorCode, State

# nginx's number for it, which Ollama uses, too.
CLIENT_CLOSED_REQUEST = 499

_STATUSES = {
    ErrorCode.INVALID_UPSTREAM_REQUEST: HTTPStatus.BAD_REQUEST,
    ErrorCode.CONTEXT_LENGTH_EXCEEDED: HTTPStatus.BAD_REQUEST,
    ErrorCode.MODEL_NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.OUT_OF_MEMORY: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.LOAD_TIMEOUT: HTTPStatus.GATEWAY_TIMEOUT,
    ErrorCode.FIRST_TOKEN_TIMEOUT: HTTPStatus.GATEWAY_TIMEOUT,
    ErrorCode.STALLED: HTTPStatus.GATEWAY_TIMEOUT,
    ErrorCode.ATTEMPT_TIMEOUT: HTTPStatus.GATEWAY_TIMEOUT,
    ErrorCode.DEADLINE_EXCEEDED: HTTPStatus.GATEWAY_TIMEOUT,
    ErrorCode.QUEUE_TIMEOUT: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.UPSTREAM_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.UPSTREAM_ERROR: HTTPStatus.BAD_GATEWAY,
    ErrorCode.STREAM_CUT: HTTPStatus.BAD_GATEWAY,
    ErrorCode.WORKER_LOST: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.ATTEMPT_RESTARTED: HTTPStatus.BAD_GATEWAY,
}
_ENDS = (".", "!", "?")


class JobFailedError(AppError):
    """The request was accepted, and failed."""

    def __init__(self, error: dict[str, Any]) -> None:
        """Speak for a job's own `error` (JOBS.md 6)."""
        super().__init__(_sentences(str(error["message"]), str(error["advice"])))
        self.message = str(error["message"])
        self.code = error["code"]
        self.status = _STATUSES[ErrorCode(self.code)]
        self.retryable = bool(error["retryable"])


def _sentences(message: str, advice: str) -> str:
    """Put what to do behind what happened, which Ollama tells without a full stop."""
    said = message.strip()
    if not advice:
        return said
    return f"{said if said.endswith(_ENDS) else said + '.'} {advice}"


class JobCancelledError(AppError):
    """The request was cancelled before it was answered."""

    code, status = "cancelled", CLIENT_CLOSED_REQUEST


class AttemptRestartedError(AppError):
    """The answer had to begin anew after some of it was sent; ask again."""

    code, status = ErrorCode.ATTEMPT_RESTARTED.value, HTTPStatus.BAD_GATEWAY
    retryable = True


def failure(state: State, error: dict[str, Any] | None) -> AppError | None:
    """Give why a final job has no answer; None if it has one."""
    if state is State.SUCCEEDED:
        return None
    return JobFailedError(error) if error else JobCancelledError()
