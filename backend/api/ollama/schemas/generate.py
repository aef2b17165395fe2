"""The body of `POST /api/generate`."""

from typing import Any

from pydantic import model_validator

from backend.api.ollama.schemas.parts import OfText, in_ollamas_words


class OllamaGenerateRequest(OfText):
    """A prompt to complete; none loads the model, or unloads it."""

    prompt: str | None = None
    suffix: str | None = None
    system: str | None = None
    template: str | None = None
    raw: bool | None = None
    images: list[str] | None = None
    context: list[int] | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> "OllamaGenerateRequest":
        own: tuple[Any, ...] = (self.template, self.system, self.context)
        if self.raw and any(own):
            raise in_ollamas_words(
                "raw mode does not support template, system, or context"
            )
        if self.context:
            raise in_ollamas_words(
                "context is not supported: send the turns so far to /api/chat"
            )
        return self
