"""The states of a job and the closed sets around them (JOBS.md 1).

queued ──► running ──► succeeded | failed | cancelled | expired
   ▲          │
   └──────────┘  handed back, retried, or recovered
"""

from enum import IntEnum, StrEnum


class State(StrEnum):
    """Where a job stands; the last four never change again."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


FINAL = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED, State.EXPIRED})


class Kind(StrEnum):
    """What a job asks for; those from `pull` on are done to a node, and say nothing.

    A caller's `load` waits in the lane of its model, where the model is served; all
    others, and the loads that the platform orders, in the lane of a node.
    """

    CHAT = "chat"
    GENERATE = "generate"
    EMBED = "embed"
    PULL = "pull"
    LOAD = "load"
    UNLOAD = "unload"
    COPY = "copy"
    DELETE = "delete"


NODE_WORK = frozenset({Kind.PULL, Kind.LOAD, Kind.UNLOAD, Kind.COPY, Kind.DELETE})


class Priority(IntEnum):
    """A head start in the queue, never a veto."""

    LOW = 0
    NORMAL = 1
    HIGH = 2

    @property
    def label(self) -> str:
        """Give the name that the API speaks."""
        return self.name.lower()

    @classmethod
    def of(cls, label: str) -> "Priority":
        """Read the API's name.

        Raises:
            KeyError: If there is no such priority.
        """
        return cls[label.upper()]


class Protocol(StrEnum):
    """In whose words a job was asked for, and is answered."""

    NATIVE = "native"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    OLLAMA = "ollama"


class OnDisconnect(StrEnum):
    """What happens to a job when its last attached caller vanishes."""

    CONTINUE = "continue"
    CANCEL = "cancel"


class ErrorCode(StrEnum):
    """Why a job failed; stable API (JOBS.md 6)."""

    INVALID_UPSTREAM_REQUEST = "invalid_upstream_request"
    MODEL_NOT_FOUND = "model_not_found"
    CONTEXT_LENGTH_EXCEEDED = "context_length_exceeded"
    OUT_OF_MEMORY = "out_of_memory"
    LOAD_TIMEOUT = "load_timeout"
    FIRST_TOKEN_TIMEOUT = "first_token_timeout"  # noqa: S105 — no password
    STALLED = "stalled"
    ATTEMPT_TIMEOUT = "attempt_timeout"
    QUEUE_TIMEOUT = "queue_timeout"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    UPSTREAM_UNAVAILABLE = "upstream_unavailable"
    UPSTREAM_ERROR = "upstream_error"
    STREAM_CUT = "stream_cut"
    WORKER_LOST = "worker_lost"
    ATTEMPT_RESTARTED = "attempt_restarted"
