"""From Anthropic's messages to the native request (pure).

A turn of theirs is a list of blocks. Text, images and documents of a turn become one
message; each tool result becomes a message of its own, before the text that came with
it, as the model was trained to see them.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from backend.api.anthropic.schemas.messages import (
    DocumentBlockParam,
    ImageBlockParam,
    MessageCountTokensParams,
    MessageCreateParams,
    MessageParam,
    TextBlockParam,
    ThinkingBlockParam,
    ToolChoiceParam,
    ToolParam,
    ToolResultBlockParam,
    ToolUseBlockParam,
)
from backend.api.calls.asking import Asked
from backend.api.calls.naming import names
from backend.api.calls.tooling import Tooling, tooling
from backend.api.errors import invalid
from backend.core.jobs.states import Kind

Json = dict[str, Any]
_EFFORTS = {"xhigh": "max"}
# What the native request calls a field, and what Anthropic's does.
_NAMES = names(
    (r"request\.options\.num_predict$", "max_tokens"),
    (r"request\.options\.stop\b", "stop_sequences"),
    (r"request\.options\.", ""),
    (r"request\.think$", "thinking"),
    (r"request\.format\b", "output_config.format.schema"),
    # Turns are not numbered as messages are: a turn may be several of them.
    (r"request\.messages\b.*", "messages"),
    (r"request\.tools\b.*", "tools"),
)


def asked(body: MessageCreateParams, tools: Tooling) -> Asked:
    """Say in the native API's words what is asked."""
    request: Json = {"messages": _conversation(body), "options": _options(body)}
    if tools.tools:
        request["tools"] = list(tools.tools)
    if tools.form is not None:
        request["format"] = tools.form
    if (think := _think(body)) is not None:
        request["think"] = think
    user = body.metadata.user_id if body.metadata else None
    metadata = {"user_id": user} if user else None
    return Asked(Kind.CHAT, body.model, request, metadata=metadata, names=_NAMES)


def tooling_of(body: MessageCountTokensParams) -> Tooling:
    """Decide what becomes of the tools of a request.

    Raises:
        AppError: If the choice names a tool that there is not.
    """
    choice = body.tool_choice or ToolChoiceParam(type="auto")
    tools = [] if choice.type == "none" else (body.tools or [])
    if choice.type == "tool":
        tools = [tool for tool in tools if tool.name == choice.name]
    if choice.type in {"tool", "any"} and not tools:
        raise invalid(
            "tool_choice", f"`tools` has no such tool: {choice.name or 'one'}"
        )
    output = body.output_config
    return tooling(
        [_tool(tool) for tool in tools],
        answer=output.format.schema_ if output and output.format else None,
        required=choice.type in {"tool", "any"},
        single=choice.disable_parallel_tool_use,
    )


def characters(body: MessageCountTokensParams) -> int:
    """Count the characters that a model would read, images aside."""
    turns = _conversation(body)
    said = sum(len(turn["content"]) + len(turn.get("thinking", "")) for turn in turns)
    calls = [call for turn in turns for call in turn.get("tool_calls", ())]
    tools = [_tool(tool) for tool in body.tools or ()]
    return said + sum(len(orjson.dumps(part)) for part in (*calls, *tools))


def _conversation(body: MessageCountTokensParams) -> list[Json]:
    names = _tool_names(body.messages)
    messages = [said for turn in body.messages for said in _messages(turn, names)]
    if body.system:
        text = "\n\n".join(block.text for block in body.system)
        messages.insert(0, {"role": "system", "content": text})
    return messages


def _options(body: MessageCreateParams) -> Json:
    options = {
        "num_predict": body.max_tokens,
        "temperature": body.temperature,
        "top_p": body.top_p,
        "top_k": body.top_k,
        "stop": body.stop_sequences or None,
    }
    return {name: value for name, value in options.items() if value is not None}


def _think(body: MessageCreateParams) -> bool | str | None:
    if body.thinking is None:
        return None
    if body.thinking.type == "disabled":
        return False
    effort = body.output_config.effort if body.output_config else None
    return True if effort is None else _EFFORTS.get(effort, effort)


def _tool(tool: ToolParam) -> Json:
    function: Json = {"name": tool.name, "parameters": tool.input_schema}
    if tool.description is not None:
        function["description"] = tool.description
    return {"type": "function", "function": function}


def _tool_names(turns: Iterable[MessageParam]) -> dict[str, str]:
    """Give the names of the tools that were called, by the calls' ids."""
    blocks = (block for turn in turns for block in turn.content)
    return {b.id: b.name for b in blocks if isinstance(b, ToolUseBlockParam)}


def _messages(turn: MessageParam, names: dict[str, str]) -> Iterator[Json]:
    results = [b for b in turn.content if isinstance(b, ToolResultBlockParam)]
    for result in results:
        yield _tool_result(result, names)
    if len(results) < len(turn.content) or not results:
        yield _said(turn)


def _said(turn: MessageParam) -> Json:
    blocks = turn.content
    message: Json = {"role": turn.role, "content": _text(blocks)}
    if images := _images(blocks):
        message["images"] = images
    thoughts = [b.thinking for b in blocks if isinstance(b, ThinkingBlockParam)]
    if thoughts:
        message["thinking"] = "\n\n".join(thoughts)
    calls = [b for b in blocks if isinstance(b, ToolUseBlockParam)]
    if calls:
        message["tool_calls"] = [_call(call) for call in calls]
    return message


def _call(block: ToolUseBlockParam) -> Json:
    return {
        "id": block.id,
        "function": {"name": block.name, "arguments": block.input},
    }


def _tool_result(block: ToolResultBlockParam, names: dict[str, str]) -> Json:
    text = _text(block.content)
    message: Json = {
        "role": "tool",
        "content": f"Error: {text}" if block.is_error else text,
        "tool_call_id": block.tool_use_id,
    }
    if block.tool_use_id in names:
        message["tool_name"] = names[block.tool_use_id]
    if images := _images(block.content):
        message["images"] = images
    return message


def _text(blocks: Iterable[Any]) -> str:  # blocks of any kind
    return "\n\n".join(_texts(blocks))


def _texts(blocks: Iterable[Any]) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, TextBlockParam):
            yield block.text
        elif isinstance(block, DocumentBlockParam):
            yield from filter(None, (block.title, block.context, block.source.data))


def _images(blocks: Iterable[Any]) -> list[str]:
    return [b.source.data for b in blocks if isinstance(b, ImageBlockParam)]
