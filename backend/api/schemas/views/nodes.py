"""Nodes that live."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from backend.api.schemas.views.view import Object, View


class NodeView(BaseModel):
    """A node, as its workers see it."""

    model_config = ConfigDict(extra="allow")

    id: str
    state: Literal["ready", "degraded"]
    simulated: bool
    ollama_version: str | None
    workers: list[Object]


class NodeList(View):
    """The nodes that live."""

    data: list[NodeView]
    next: None
