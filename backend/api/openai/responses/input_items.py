"""What a response was asked with, as items with names of their own (pure)."""

from typing import Any

from backend.api.calls.ids import part_id
from backend.api.openai.responses.items import output_text
from backend.api.openai.schemas.response_items import (
    Content,
    EasyInputMessage,
    FunctionCallOutput,
    Input,
    InputItem,
    ResponseFunctionToolCall,
    ResponseInputImage,
    ResponseOutputRefusal,
)

Json = dict[str, Any]
_COMPLETED = {"status": "completed"}


def input_items(job_id: str, sent: Input) -> list[Json]:
    """List the items of an input in their order."""
    if isinstance(sent, str):
        sent = [EasyInputMessage(role="user", content=sent)]
    return [_item(job_id, index, item) for index, item in enumerate(sent)]


def _item(job_id: str, index: int, item: InputItem) -> Json:
    named = {"id": part_id("in_", job_id, index), "type": item.type}
    if isinstance(item, EasyInputMessage):
        said = {"role": item.role, "content": _content(item)}
        return named | said | _COMPLETED
    if isinstance(item, ResponseFunctionToolCall):
        return named | item.model_dump() | _COMPLETED
    if isinstance(item, FunctionCallOutput):
        told = {"call_id": item.call_id, "output": _output(item.output)}
        return named | told | _COMPLETED
    return named | {"summary": []} | item.model_dump(exclude_none=True)


def _content(item: EasyInputMessage) -> list[Json]:
    if not isinstance(item.content, str):
        return _parts(item.content)
    if item.role == "assistant":
        return [output_text(item.content)]
    return [{"type": "input_text", "text": item.content}]


def _output(content: Content) -> str | list[Json]:
    return content if isinstance(content, str) else _parts(content)


def _parts(content: list[Any]) -> list[Json]:
    return [_part(part) for part in content]


def _part(part: Any) -> Json:  # of any kind
    if isinstance(part, ResponseInputImage):
        told = {"detail": part.detail or "auto", "file_id": None}
        return {"type": part.type, "image_url": part.image_url, **told}
    if isinstance(part, ResponseOutputRefusal):
        return {"type": part.type, "refusal": part.refusal}
    if part.type == "output_text":
        return output_text(part.text)
    return {"type": part.type, "text": part.text}
