"""The bodies of `POST /api/embed`, and of the older `/api/embeddings`."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema

from backend.api.ollama.schemas.parts import OfModel, in_ollamas_words


def _read_input(value: Any) -> list[str]:  # whatever JSON can hold
    if value is None or value == "":
        return []
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise in_ollamas_words("invalid input type")
    return texts


Input = Annotated[
    Any,
    AfterValidator(_read_input),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}},
                {"type": "null"},
            ]
        }
    ),
]


class OllamaEmbedRequest(OfModel):
    """Texts to embed; none loads the model."""

    input: Input = Field(default_factory=list)
    truncate: bool | None = None
    dimensions: int | None = None


class OllamaEmbeddingsRequest(OfModel):
    """One text to embed."""

    prompt: str | None = None
