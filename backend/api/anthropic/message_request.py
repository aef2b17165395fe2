"""From Anthropic's messages to the native request (pure).

A turn of theirs is a list of blocks. Text, images and documents of a turn become one
message; each tool result becomes a message of its own, before the text that came with
it, as the model was trained to see them.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from backend.api.anthropic.schemas.messages import (
    DocumentBlockParam,
    ImageBlockParam,
    MessageCountTokensParams,
    MessageCreateParams,
    MessageParam,
    TextBlockParam,
    ThinkingBlockParam,
    ToolParam,
    ToolResultBlockParam,
    ToolUseBlockParam,
)
from backend.api.calls.asking import Asked
from backend.core.jobs.states import Kind

Json = dict[str, Any]
_EFFORTS = {"xhigh": "max"}


def asked(body: MessageCreateParams) -> Asked:
    """Say in the native API's words what is asked."""
    request = _prompt(body) | {"options": _options(body)}
    if (think := _think(body)) is not None:
        request["think"] = think
    output = body.output_config
    if output is not None and output.format is not None:
        request["format"] = output.format.schema_
    user = body.metadata.user_id if body.metadata else None
    metadata = {"user_id": user} if user else None
    return Asked(Kind.CHAT, body.model, request, metadata=metadata)


def characters(body: MessageCountTokensParams) -> int:
    """Count the characters that a model would read, images aside."""
    prompt = _prompt(body)
    said = sum(
        len(message["content"]) + len(message.get("thinking", ""))
        for message in prompt["messages"]
    )
    calls = [c for message in prompt["messages"] for c in message.get("tool_calls", ())]
    return said + sum(len(str(part)) for part in (*calls, *prompt.get("tools", ())))


def _prompt(body: MessageCountTokensParams) -> Json:
    names = _tool_names(body.messages)
    messages = [said for turn in body.messages for said in _messages(turn, names)]
    if body.system:
        text = "\n\n".join(block.text for block in body.system)
        messages.insert(0, {"role": "system", "content": text})
    prompt: Json = {"messages": messages}
    if body.tools and not (body.tool_choice and body.tool_choice.type == "none"):
        prompt["tools"] = [_tool(tool) for tool in body.tools]
    return prompt


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
