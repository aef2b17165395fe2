"""Jobs, one and many."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from backend.api.schemas.views.results import Result
from backend.api.schemas.views.view import Object, View
from backend.core.jobs.states import Kind, State


class Usage(View):
    """Tokens as Ollama counts them; null while they are unknown.

    That is until the job has ended, and the prompt's of one that did not succeed.
    """

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


class JobList(View):
    """A page of jobs, newest first; `next` is the next page's `after`."""

    data: list[JobView]
    next: str | None
