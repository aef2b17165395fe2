"""What the API answers with, for the OpenAPI document.

Routes write plain dicts, since making these of big results would cost more than the
rest of a request; tests check real answers against them.
"""

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from backend.core.jobs.states import Kind, State

Object = dict[str, Any]  # JSON objects of others


class View(BaseModel):
    """A part of an answer; newer servers may add fields."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class Usage(View):
    """Tokens as Ollama counts them; null until the job has ended."""

    prompt_tokens: int | None
    completion_tokens: int | None


class JobError(BaseModel):
    """Why a job did not succeed, and what to do."""

    model_config = ConfigDict(extra="allow")

    code: str = Field(description="One of a closed set, such as `worker_lost`.")
    message: str
    retryable: bool
    attempts: int | None = None
    advice: str | None = None


class Links(View):
    """Addresses of a job."""

    self: str
    events: str
    cancel: str


class ChatMessage(BaseModel):
    """What the model said."""

    model_config = ConfigDict(extra="allow")

    role: str
    content: str
    thinking: str | None = None
    tool_calls: list[Object] | None = None


class ChatResult(View):
    """The answer to a chat."""

    message: ChatMessage
    done_reason: str | None = None


class TextResult(View):
    """The answer to a prompt."""

    text: str
    thinking: str | None = None
    done_reason: str | None = None


class EmbeddingResult(View):
    """A vector for each input."""

    embeddings: list[list[float]]


class NodeWorkResult(View):
    """What a pull came to."""

    status: str


Result = ChatResult | TextResult | EmbeddingResult | NodeWorkResult


class JobView(View):
    """A job, as it stands."""

    id: str
    kind: Kind
    model: str = Field(description="As the caller spelled it.")
    served_model: str | None
    state: State
    attempt: int
    failures: int
    priority: Literal["low", "normal", "high"]
    position: int | None = Field(description="1 is next; only while it is queued.")
    eta_seconds: float | None
    node: str | None
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    first_token_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    result: Result | None
    usage: Usage
    timings: Object | None
    error: JobError | None
    metadata: dict[str, str] | None
    links: Links
    request: Object | None = Field(
        default=None, description="Only where a single job is read, while it is kept."
    )
    progress: Object | None = None
    replay_of: str | None = None


class Event(View):
    """An event of a job: `state`, `tokens`, `reset` or `end`."""

    id: str | None
    event: Literal["state", "tokens", "reset", "end"]
    data: Object


class EventsPage(View):
    """Events after a place, and the place to ask from next."""

    state: State
    events: list[Event]
    next: str


class PullProgress(View):
    """How far a running pull is, in bytes."""

    job_id: str
    status: str
    completed: int | None
    total: int | None


class ModelView(View):
    """A model and where it is now."""

    name: str
    capabilities: list[str]
    state: Literal["loaded", "on_disk", "unavailable", "pulling"]
    context_length: int | None
    nodes: list[str]
    size_bytes: int | None
    pull: PullProgress | None


class NodeView(BaseModel):
    """A node, as its workers see it."""

    model_config = ConfigDict(extra="allow")

    id: str
    state: Literal["ready", "degraded"]
    simulated: bool
    ollama_version: str | None
    workers: list[Object]


class KeyView(View):
    """A key without its secret."""

    id: int
    user: str
    name: str
    prefix: str
    scopes: list[str]
    highest_priority: str
    allowed_models: list[str] | None
    weight: float
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    last_used_at: AwareDatetime | None
    disabled_at: AwareDatetime | None


class NewKeyView(KeyView):
    """A key that was made this moment."""

    key: str = Field(description="The secret; it is never shown again.")


class UserView(View):
    """A user."""

    id: int
    name: str


class OwnKeyView(View):
    """The key that was sent."""

    id: int
    prefix: str
    name: str
    scopes: list[str]
    expires_at: AwareDatetime | None


class Me(View):
    """Who calls."""

    user: UserView
    key: OwnKeyView


class SessionView(View):
    """A token that is as good as the key, until it expires or the key does."""

    token: str
    expires_at: AwareDatetime
    user: UserView


class RunView(View):
    """The last run of a scheduled task."""

    name: str
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    duration_ms: int | None
    outcome: str | None
    detail: Object | None


class Sent(View):
    """A task was asked for."""

    name: str
    status: Literal["sent"]


class Health(View):
    """The process answers."""

    status: Literal["ok"]
    service: str
    version: str


class Readiness(View):
    """What the API needs, and whether it is there."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, str]


class FieldProblem(View):
    """One field and what is wrong with it."""

    field: str
    message: str


class Problem(View):
    """An RFC 9457 problem; `code` is stable."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str | None
    errors: list[FieldProblem]


class JobList(View):
    """A page of jobs, newest first; `next` is the next page's `after`."""

    data: list[JobView]
    next: str | None


class ModelList(View):
    """The models."""

    data: list[ModelView]
    next: None


class NodeList(View):
    """The nodes that live."""

    data: list[NodeView]
    next: None


class KeyList(View):
    """The keys."""

    data: list[KeyView]
    next: None


class RunList(View):
    """The scheduled tasks."""

    data: list[RunView]
    next: None
