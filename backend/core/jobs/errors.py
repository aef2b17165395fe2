"""The errors that jobs end with: one shape, and the platform's own sentences (pure).

What Ollama answered brings its own sentence; what nobody answered has one here, whoever
writes it: the holder, recovery, or the statement that moves the row.
"""

from typing import Any

from backend.core.jobs.states import ErrorCode

_SENTENCES = {
    ErrorCode.DEADLINE_EXCEEDED: (
        "The job's deadline passed before it was answered.",
        "Send it again with a later deadline, or with a higher priority.",
    ),
    ErrorCode.QUEUE_TIMEOUT: (
        "The job waited in the queue for longer than the platform lets jobs wait.",
        "Send it again when the queue is shorter, or ask for more workers.",
    ),
    ErrorCode.WORKER_LOST: (
        "The worker that answered the job was lost, like those before it.",
        "Replay the job; if it stays, look at why workers die.",
    ),
}


def error_data(
    code: str, *, message: str, attempts: int, retryable: bool, advice: str
) -> dict[str, Any]:
    """Write an error as callers see it (JOBS.md 6)."""
    return {
        "code": code,
        "message": message,
        "attempts": attempts,
        "retryable": retryable,
        "advice": advice,
    }


def platform_error(code: ErrorCode, *, attempts: int) -> dict[str, Any]:
    """Write an error that no upstream answered; `attempts` are those that counted.

    Raises:
        KeyError: If that code always comes with an upstream's sentence.
    """
    message, advice = _SENTENCES[code]
    return error_data(
        code.value, message=message, attempts=attempts, retryable=True, advice=advice
    )
