"""Nodes that live."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from backend.api.schemas.views.view import Object, View


class LoadedModel(BaseModel):
    """A model in a node's memory; sizes in bytes."""

    model_config = ConfigDict(extra="allow")

    name: str
    size: int
    size_vram: int
    context_length: int | None
    expires_at: AwareDatetime | None = Field(
        description="When it leaves the memory unless it is asked something before; "
        "null if it is kept for ever."
    )


class NodeView(BaseModel):
    """A node, as its workers see it."""

    model_config = ConfigDict(extra="allow")

    id: str
    state: Literal["ready", "degraded"]
    simulated: bool
    ollama_version: str | None
    loaded: list[LoadedModel]
    workers: list[Object]


class NodeList(View):
    """The nodes that live."""

    data: list[NodeView]
    next: None
