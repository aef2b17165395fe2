"""From the items of an input to the messages of a chat (pure).

Thoughts, text and calls of one turn of the model are items of their own here, and one
message there.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from backend.api.errors import invalid
from backend.api.openai.schemas.response_items import (
    Content,
    EasyInputMessage,
    FunctionCallOutput,
    Input,
    InputItem,
    ResponseFunctionToolCall,
    ResponseInputImage,
    ResponseOutputRefusal,
    ResponseReasoningItem,
)

Json = dict[str, Any]
_ROLES = {"developer": "system"}


def messages(sent: Input, before: Sequence[Json] = ()) -> list[Json]:
    """Translate an input that goes on with a conversation.

    Raises:
        AppError: If an item answers a call that was not made.
    """
    if isinstance(sent, str):
        return [{"role": "user", "content": sent}]
    turns = _Turns(before)
    for index, item in enumerate(sent):
        turns.add(index, item)
    return turns.messages


class _Turns:
    """Messages as items are put to them."""

    def __init__(self, before: Sequence[Json]) -> None:
        """Go on with a conversation, whose calls may be answered."""
        self.messages: list[Json] = []
        self._called = _names(before)

    def add(self, index: int, item: InputItem) -> None:
        """Put an item to the messages.

        Raises:
            AppError: If it answers a call that was not made.
        """
        if isinstance(item, ResponseReasoningItem):
            if item.text:
                self._turn("content", "thinking", "tool_calls")["thinking"] = item.text
        elif isinstance(item, ResponseFunctionToolCall):
            self._called[item.call_id] = item.name
            self._turn().setdefault("tool_calls", []).append(_call(item))
        elif isinstance(item, FunctionCallOutput):
            self.messages.append(self._result(index, item))
        elif item.role == "assistant":
            self._turn("content", "tool_calls").update(_said(item))
        else:
            self.messages.append(_said(item))

    def _turn(self, *taken: str) -> Json:
        """Give the model's turn that goes on, or a new one if that has one of these."""
        last = self.messages[-1] if self.messages else {}
        if last.get("role") != "assistant" or any(last.get(name) for name in taken):
            last = {"role": "assistant", "content": ""}
            self.messages.append(last)
        return last

    def _result(self, index: int, item: FunctionCallOutput) -> Json:
        name = self._called.get(item.call_id)
        if name is None:
            field = f"input.{index}.call_id"
            raise invalid(field, "no function_call before this one has this call_id")
        named = {"tool_name": name, "tool_call_id": item.call_id}
        return {"role": "tool", **named, **_content(item.output)}


def _names(before: Sequence[Json]) -> dict[str, str]:
    calls = (call for said in before for call in said.get("tool_calls") or ())
    return {call["id"]: call["function"]["name"] for call in calls if "id" in call}


def _said(item: EasyInputMessage) -> Json:
    return {"role": _ROLES.get(item.role, item.role), **_content(item.content)}


def _call(item: ResponseFunctionToolCall) -> Json:
    function = {"name": item.name, "arguments": orjson.loads(item.arguments)}
    return {"id": item.call_id, "function": function}


def _content(content: Content) -> Json:
    if isinstance(content, str):
        return {"content": content}
    images = [part for part in content if isinstance(part, ResponseInputImage)]
    texts = [
        part.refusal if isinstance(part, ResponseOutputRefusal) else part.text
        for part in content
        if not isinstance(part, ResponseInputImage)
    ]
    said: Json = {"content": "".join(texts)}
    if images:
        said["images"] = [part.image_url.partition(",")[2] for part in images]
    return said
