"""What addresses give that OpenAI's and Anthropic's clients share, for the document."""

from pydantic import RootModel

from backend.api.anthropic.schemas.views import (
    AnthropicError,
    ModelInfo,
    ModelInfoPage,
)
from backend.api.openai.schemas.views import ListModelsResponse, Model, OpenAIError


class SharedError(RootModel[OpenAIError | AnthropicError]):
    """An error, as the protocol tells it that was meant."""


class SharedModelList(RootModel[ListModelsResponse | ModelInfoPage]):
    """The models that the key may use, as the protocol lists them that was meant."""


class SharedModel(RootModel[Model | ModelInfo]):
    """A model, as the protocol shows it that was meant."""
