"""The body of `POST /v1/embeddings`."""

from typing import Annotated, Literal

from pydantic import Field

from backend.api.openai.schemas.texts import Inputs
from backend.api.schemas.lenient import Lenient
from backend.api.schemas.strict import ModelName


class CreateEmbeddingRequest(Lenient):
    """Texts to embed."""

    model: ModelName
    input: Inputs
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Field(ge=1, le=65_536)] | None = None
