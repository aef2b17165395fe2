"""What an Ollama has: its models on disk, in memory, and what each can do.

Versions differ. 0.24 lists models without capabilities; from 0.32 on the list has
them, with the context length. What is not said is None, and `/api/show` knows it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from worker.ollama.wire import Line


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model on the node's disk."""

    name: str
    digest: str
    size_bytes: int
    modified_at: str | None  # as Ollama wrote it: nanoseconds
    details: Line  # of which kind it is, in Ollama's names
    capabilities: tuple[str, ...] | None
    context_length: int | None
    embedding_length: int | None

    @classmethod
    def of(cls, entry: Line) -> Self:
        """Read an entry of `/api/tags`."""
        details = entry.get("details") or {}
        capabilities = entry.get("capabilities")
        return cls(
            name=entry["name"],
            digest=entry.get("digest", ""),
            size_bytes=entry.get("size", 0),
            modified_at=entry.get("modified_at"),
            details=details,
            capabilities=None if capabilities is None else tuple(capabilities),
            context_length=details.get("context_length"),
            embedding_length=details.get("embedding_length"),
        )


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in the node's memory."""

    name: str
    digest: str
    size_bytes: int
    size_vram_bytes: int
    context_length: int | None
    expires_at: datetime | None  # "for ever" is a date some 292 years on

    @classmethod
    def of(cls, entry: Line) -> Self:
        """Read an entry of `/api/ps`."""
        return cls(
            name=entry["name"],
            digest=entry.get("digest", ""),
            size_bytes=entry.get("size", 0),
            size_vram_bytes=entry.get("size_vram", 0),
            context_length=entry.get("context_length"),
            expires_at=_time(entry.get("expires_at")),
        )


@dataclass(frozen=True, slots=True)
class ModelDetails:
    """What a model can do."""

    capabilities: tuple[str, ...]
    context_length: int | None
    embedding_length: int | None
    num_ctx: int | None  # the context that its own Modelfile asks for
    family: str
    parameter_size: str
    quantization: str

    @classmethod
    def of(cls, answer: Line) -> Self:
        """Read the answer of `/api/show`."""
        details = answer.get("details") or {}
        return cls(
            capabilities=tuple(answer.get("capabilities") or ()),
            context_length=_model_info(answer, ".context_length"),
            embedding_length=_model_info(answer, ".embedding_length"),
            num_ctx=_parameter(answer.get("parameters") or "", "num_ctx"),
            family=details.get("family", ""),
            parameter_size=details.get("parameter_size", ""),
            quantization=details.get("quantization_level", ""),
        )


def _model_info(answer: Line, ending: str) -> int | None:
    # Keys begin with the architecture: `llama.context_length`. A model with vision has
    # those of its eyes beside them (`qwen25vl.vision.embedding_length`).
    info = answer.get("model_info") or {}
    value = info.get(f"{info.get('general.architecture', '')}{ending}")
    return value if isinstance(value, int) else None


def _parameter(parameters: str, name: str) -> int | None:
    words = (line.split() for line in parameters.splitlines())
    values = [w[1] for w in words if len(w) == 2 and w[0] == name]
    return int(values[-1]) if values and values[-1].isdecimal() else None


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text or "")
    except ValueError:
        return None
