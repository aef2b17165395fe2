"""What the API answers, as the UI needs it; fields the UI does not use are ignored."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class JobState(StrEnum):
    """The states of a job; the last four are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        """Tell whether a job in this state never changes again."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


# What is not known yet is null at the API; here it is an empty list.
Names = Annotated[tuple[str, ...], BeforeValidator(lambda names: names or ())]


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class Session(_Reply):
    """An opaque token that stands for whoever signed in."""

    token: str = Field(min_length=1, repr=False)
    expires_at: datetime


class User(_Reply):
    """Whoever owns the key."""

    id: str | int
    name: str
    role: str = ""


class Key(_Reply):
    """The key itself, of which only a prefix can be seen.

    Args:
        is_login: It stands for log-ins by a password, so there is nothing to see.
    """

    prefix: str = ""
    name: str | None = None
    scopes: tuple[str, ...] = ()
    is_login: bool = False


class Account(_Reply):
    """Who is signed in, and with which rights."""

    user: User
    key: Key

    @property
    def is_admin(self) -> bool:
        """Tell whether this key may do what administrators do."""
        return "admin" in self.key.scopes


class Progress(_Reply):
    """How far a download or a load has come."""

    status: str = ""
    completed: int | None = None
    total: int | None = None

    @property
    def fraction(self) -> float | None:
        """Give the part that is done, or None where that is not known."""
        if not self.total or self.completed is None:
            return None
        return min(max(self.completed / self.total, 0.0), 1.0)


class Pull(Progress):
    """A running pull of a model."""

    job_id: str | None = None


class Model(_Reply):
    """A model of the catalogue, and where it is now."""

    name: str
    capabilities: Names = ()
    state: str = "unavailable"
    context_length: int | None = None
    nodes: Names = ()
    size_bytes: int | None = None
    pull: Pull | None = None

    @property
    def can_chat(self) -> bool:
        """Tell whether it can answer a chat; unknown capabilities count as yes."""
        return "completion" in self.capabilities or not self.capabilities

    @property
    def can_think(self) -> bool:
        """Tell whether its thinking can be turned on and off."""
        return "thinking" in self.capabilities


class JobFailure(_Reply):
    """Why a job did not succeed."""

    code: str = "internal"
    message: str = ""
    attempts: int | None = None
    retryable: bool | None = None
    advice: str | None = None


class Usage(_Reply):
    """How many tokens went in and came out."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Job(_Reply):
    """A job, as the API shows it."""

    id: str
    kind: str
    model: str
    served_model: str | None = None
    state: JobState
    position: int | None = None
    eta_seconds: float | None = None
    node: str | None = None
    created_at: datetime
    started_at: datetime | None = None
    first_token_at: datetime | None = None
    finished_at: datetime | None = None
    request: dict[str, Any] | None = None  # as its kind needs it
    result: dict[str, Any] | None = None  # likewise
    usage: Usage | None = None
    error: JobFailure | None = None
    metadata: dict[str, Any] | None = None  # the caller's own


class Tail(_Reply):
    """What happened on a job's stream since the last look."""

    state: Any = None  # a job's state, or the data of a `state` event
    events: tuple[dict[str, Any], ...] = ()  # {id, event, data}
    next: str | None = None
