"""The body of `POST /api/v1/jobs`."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, TypeAdapter

from backend.api.schemas.requests import (
    ChatRequest,
    EmbedRequest,
    GenerateRequest,
    LoadRequest,
    PullRequest,
)
from backend.api.schemas.strict import ModelName, Strict

MetadataName = Annotated[str, StringConstraints(min_length=1, max_length=64)]
MetadataValue = Annotated[str, StringConstraints(max_length=512)]
Metadata = Annotated[dict[MetadataName, MetadataValue], Field(max_length=16)]


class JobBody(Strict):
    """What every job has."""

    model: ModelName
    priority: Literal["low", "normal", "high"] = "normal"
    deadline_seconds: float | None = Field(
        default=None, gt=0, description="The job expires if it is not answered by then."
    )
    on_disconnect: Literal["continue", "cancel"] = Field(
        default="continue",
        description="What happens when the last caller that listens vanishes.",
    )
    metadata: Metadata | None = Field(
        default=None, description="Up to 16 strings of your own."
    )


class ChatJob(JobBody):
    """A chat."""

    kind: Literal["chat"]
    request: ChatRequest


class GenerateJob(JobBody):
    """A completion."""

    kind: Literal["generate"]
    request: GenerateRequest


class EmbedJob(JobBody):
    """Embeddings."""

    kind: Literal["embed"]
    request: EmbedRequest


class LoadJob(JobBody):
    """Bringing a model into memory, where it is served."""

    kind: Literal["load"]
    request: LoadRequest = Field(default_factory=LoadRequest)


class PullJob(JobBody):
    """Bringing a model to a node; for administrators."""

    kind: Literal["pull"]
    request: PullRequest = Field(default_factory=PullRequest)


SubmitJob = Annotated[
    ChatJob | GenerateJob | EmbedJob | LoadJob | PullJob, Field(discriminator="kind")
]
SUBMIT_JOB: TypeAdapter[ChatJob | GenerateJob | EmbedJob | LoadJob | PullJob] = (
    TypeAdapter(SubmitJob)
)
