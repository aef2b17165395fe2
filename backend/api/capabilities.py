"""Whether a model can do what a request asks of it, where that is known (pure)."""

from collections.abc import Iterator
from typing import Any

from backend.core.catalogue import KnownModel
from backend.core.errors import FieldError, UnsupportedByModelError
from backend.core.jobs.states import Kind

Request = dict[str, Any]  # a validated request, as JSON


def require(model: KnownModel, kind: Kind, request: Request) -> None:
    """Check a request against the model's capabilities; unknown ones allow all.

    Raises:
        UnsupportedByModelError: If the model cannot do it; names the field.
    """
    if model.capabilities is None:
        return
    if model.embeds_only and kind not in {Kind.EMBED, Kind.LOAD}:
        raise _unsupported(model, "kind", "only makes embeddings")
    for field, capability in _needs(kind, request):
        if capability not in model.capabilities:
            raise _unsupported(model, f"request.{field}", f"has no {capability}")


def _needs(kind: Kind, request: Request) -> Iterator[tuple[str, str]]:
    if request.get("tools"):
        yield "tools", "tools"
    if request.get("think"):
        yield "think", "thinking"
    if request.get("suffix"):
        yield "suffix", "insert"
    if request.get("images"):
        yield "images", "vision"
    if kind is Kind.CHAT:
        for index, message in enumerate(request["messages"]):
            if message.get("images"):
                yield f"messages.{index}.images", "vision"


def _unsupported(model: KnownModel, field: str, why: str) -> UnsupportedByModelError:
    message = f"the model {model.name} {why}"
    return UnsupportedByModelError(
        f"{field}: {message}.", errors=(FieldError(field, message),)
    )
