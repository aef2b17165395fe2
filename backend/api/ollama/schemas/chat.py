"""The body of `POST /api/chat`."""

from backend.api.ollama.schemas.parts import OfText
from backend.api.schemas.lenient import Lenient, Object


class OllamaCalledFunction(Lenient):
    """A function as the model called it."""

    name: str
    arguments: Object | None = None


class OllamaToolCall(Lenient):
    """A call that the model made in an earlier turn."""

    id: str | None = None
    function: OllamaCalledFunction


class OllamaMessage(Lenient):
    """One turn of a chat."""

    role: str
    content: str | None = None
    thinking: str | None = None
    images: list[str] | None = None
    tool_calls: list[OllamaToolCall] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None


class OllamaFunction(Lenient):
    """A function that the model may call; `parameters` is a JSON schema."""

    name: str
    description: str | None = None
    parameters: Object | None = None


class OllamaTool(Lenient):
    """A tool that the model may use."""

    type: str | None = None
    function: OllamaFunction


class OllamaChatRequest(OfText):
    """A chat to go on with; one without messages loads the model, or unloads it."""

    messages: list[OllamaMessage] | None = None
    tools: list[OllamaTool] | None = None
