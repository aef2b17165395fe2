"""Which of its tools a request may call, and in what form it is answered (pure)."""

from typing import Any

from backend.api.calls.tooling import Tooling, tooling
from backend.api.errors import invalid
from backend.api.openai.schemas.chat import ChatCompletionRequest
from backend.api.openai.schemas.tools import (
    ChatCompletionNamedToolChoice,
    ChatCompletionTool,
    ResponseFormat,
    ResponseFormatJSONObject,
    ResponseFormatJSONSchemaParam,
    ToolChoice,
)


def tooling_of(body: ChatCompletionRequest) -> Tooling:
    """Decide what becomes of the tools of a request.

    Raises:
        AppError: If the choice names a tool that there is not.
    """
    return held_to(
        body.tools or [],
        body.tool_choice,
        answer=_form(body.response_format),
        parallel=body.parallel_tool_calls,
    )


def held_to(
    tools: list[ChatCompletionTool],
    choice: ToolChoice | None,
    *,
    answer: Any,  # None, `json` or a JSON schema
    parallel: bool | None,
) -> Tooling:
    """Decide which tools may be called, and what an answer is held to.

    Raises:
        AppError: If the choice names a tool that there is not.
    """
    required, names = _chosen(choice, tools)
    return tooling(
        [t.model_dump(exclude_none=True) for t in tools if t.function.name in names],
        answer=answer,
        required=required,
        single=parallel is False,
    )


def _chosen(
    choice: ToolChoice | None, tools: list[ChatCompletionTool]
) -> tuple[bool, set[str]]:
    """Tell whether a tool must be called, and which may be."""
    known = {tool.function.name for tool in tools}
    if choice == "none":
        return False, set()
    if choice is None or choice == "auto":
        return False, known
    if choice == "required":
        required, names = True, known
    elif isinstance(choice, ChatCompletionNamedToolChoice):
        required, names = True, {choice.function.name}
    else:
        allowed = choice.allowed_tools
        required = allowed.mode == "required"
        names = {tool.function.name for tool in allowed.tools}
    if not known or names - known:
        missing = ", ".join(sorted(names - known)) or "one"
        raise invalid("tool_choice", f"`tools` has no such tool: {missing}")
    return required, names


def _form(wanted: ResponseFormat | None) -> Any:
    if isinstance(wanted, ResponseFormatJSONObject):
        return "json"
    if isinstance(wanted, ResponseFormatJSONSchemaParam):
        return wanted.json_schema.schema_ or "json"
    return None
