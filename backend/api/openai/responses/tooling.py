"""What becomes of the tools of a response's request (pure)."""

from typing import Any

from backend.api.calls.tooling import Tooling
from backend.api.openai.schemas.responses import (
    ResponseCreateParams,
    ResponseFormatTextJSONSchemaConfig,
    ResponseTextConfig,
    ResponseToolChoice,
    ToolChoiceAllowed,
    ToolChoiceFunction,
)
from backend.api.openai.schemas.tools import (
    ChatCompletionAllowedToolChoice,
    ChatCompletionAllowedTools,
    ChatCompletionFunctionName,
    ChatCompletionNamedToolChoice,
    ChatCompletionTool,
    FunctionDefinition,
    ResponseFormatJSONObject,
    ToolChoice,
)
from backend.api.openai.tool_choice import held_to


def tooling_of(body: ResponseCreateParams) -> Tooling:
    """Decide which tools may be called, and what the answer is held to.

    Raises:
        AppError: If the choice names a tool that there is not.
    """
    return held_to(
        [_as_in_chats(tool) for tool in body.tools or ()],
        _choice(body.tool_choice),
        answer=_form(body.text),
        parallel=body.parallel_tool_calls,
    )


def _as_in_chats(tool: FunctionDefinition) -> ChatCompletionTool:
    function = FunctionDefinition(**tool.model_dump(exclude={"type"}))
    return ChatCompletionTool(type="function", function=function)


def _choice(choice: ResponseToolChoice | None) -> ToolChoice | None:
    if isinstance(choice, ToolChoiceFunction):
        return _named(choice)
    if isinstance(choice, ToolChoiceAllowed):
        tools = [_named(tool) for tool in choice.tools]
        allowed = ChatCompletionAllowedTools(mode=choice.mode, tools=tools)
        return ChatCompletionAllowedToolChoice(
            type="allowed_tools", allowed_tools=allowed
        )
    return choice


def _named(tool: ToolChoiceFunction) -> ChatCompletionNamedToolChoice:
    function = ChatCompletionFunctionName(name=tool.name)
    return ChatCompletionNamedToolChoice(type="function", function=function)


def _form(text: ResponseTextConfig | None) -> Any:  # None, `json` or a JSON schema
    wanted = None if text is None else text.format
    if isinstance(wanted, ResponseFormatJSONObject):
        return "json"
    if isinstance(wanted, ResponseFormatTextJSONSchemaConfig):
        return wanted.schema_
    return None
