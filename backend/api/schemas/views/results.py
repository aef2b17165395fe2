"""What jobs of each kind result in."""

from pydantic import BaseModel, ConfigDict

from backend.api.schemas.views.view import Object, View


class ChatMessage(BaseModel):
    """What the model said."""

    model_config = ConfigDict(extra="allow")

    role: str
    content: str
    thinking: str | None = None
    tool_calls: list[Object] | None = None


class ChatResult(View):
    """The answer to a chat."""

    message: ChatMessage
    done_reason: str | None = None
    logprobs: list[Object] | None = None


class TextResult(View):
    """The answer to a prompt."""

    text: str
    thinking: str | None = None
    done_reason: str | None = None
    logprobs: list[Object] | None = None


class EmbeddingResult(View):
    """A vector for each input."""

    embeddings: list[list[float]]


class NodeWorkResult(View):
    """What a pull came to."""

    status: str


Result = ChatResult | TextResult | EmbeddingResult | NodeWorkResult
