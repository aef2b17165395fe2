"""What Ollama's addresses answer with, for the OpenAPI document."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from backend.api.schemas.views.view import View


class OllamaError(View):
    """An error as Ollama tells it."""

    error: str


class _Open(BaseModel):
    """An answer with more than is listed."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())


class OllamaAnswer(_Open):
    """What all answers of a model have; durations are in nanoseconds."""

    model: str
    created_at: str
    done: bool
    done_reason: str | None = None
    total_duration: int | None = None
    load_duration: int | None = None
    prompt_eval_count: int | None = None
    prompt_eval_duration: int | None = None
    eval_count: int | None = None
    eval_duration: int | None = None


class OllamaChatResponse(OllamaAnswer):
    """A chat's answer."""

    message: dict[str, Any]


class OllamaGenerateResponse(OllamaAnswer):
    """A prompt's completion."""

    response: str
    thinking: str | None = None


class OllamaEmbedResponse(_Open):
    """A vector for each text."""

    model: str
    embeddings: list[list[float]]
    total_duration: int | None = None
    load_duration: int | None = None
    prompt_eval_count: int | None = None


class OllamaEmbeddingsResponse(View):
    """The vector of a text."""

    embedding: list[float]


class OllamaModels(View):
    """Models, on disk or in memory."""

    models: list[dict[str, Any]]


class OllamaModelInfo(_Open):
    """All that is known of a model."""

    details: dict[str, Any]
    model_info: dict[str, Any]
    capabilities: list[str]


class OllamaVersion(View):
    """Ollama's version, that of the oldest node."""

    version: str


class OllamaCloud(View):
    """Whether models of Ollama's own cloud can be used."""

    disabled: bool
    source: str


class OllamaStatus(View):
    """What is switched off."""

    cloud: OllamaCloud


class OllamaProgress(View):
    """How a pull ended."""

    status: str
