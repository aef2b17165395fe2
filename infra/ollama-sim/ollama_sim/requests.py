"""The bodies of requests: read, and checked as Go's decoder would."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from ollama_sim.errors import ApiError
from ollama_sim.go_json import check_fields, expect_object, loads

Fields = Mapping[str, tuple[type, str]]

_MAP = "map[string]interface {}"
_SHARED: Fields = {
    "model": (str, "string"),
    "stream": (bool, "bool"),
    "options": (dict, _MAP),
    "truncate": (bool, "bool"),
    "shift": (bool, "bool"),
    "logprobs": (bool, "bool"),
    "top_logprobs": (int, "int"),
}
CHAT: Fields = {
    **_SHARED,
    "messages": (list, "[]api.Message"),
    "tools": (list, "api.Tools"),
}
GENERATE: Fields = {
    **_SHARED,
    "prompt": (str, "string"),
    "suffix": (str, "string"),
    "system": (str, "string"),
    "template": (str, "string"),
    "context": (list, "[]int"),
    "raw": (bool, "bool"),
    "images": (list, "[]api.ImageData"),
}
EMBED: Fields = {**_SHARED, "dimensions": (int, "int")}
EMBEDDING: Fields = {**_SHARED, "prompt": (str, "string")}
NAMED: Fields = {
    "model": (str, "string"),
    "name": (str, "string"),
    "stream": (bool, "bool"),
    "insecure": (bool, "bool"),
    "source": (str, "string"),
    "destination": (str, "string"),
    "from": (str, "string"),
    "system": (str, "string"),
    "template": (str, "string"),
    "parameters": (dict, _MAP),
}
_MESSAGE: Fields = {
    "role": (str, "string"),
    "content": (str, "string"),
    "thinking": (str, "string"),
    "images": (list, "[]api.ImageData"),
    "tool_calls": (list, "[]api.ToolCall"),
    "tool_name": (str, "string"),
    "tool_call_id": (str, "string"),
}
_TOOL: Fields = {"type": (str, "string"), "function": (dict, "api.ToolFunction")}
_LEVELS = ("high", "medium", "low", "max")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=\r\n]")


# Any: bodies are JSON.
def read(body: bytes, struct: str, fields: Fields) -> dict[str, Any]:
    """Read a body."""
    value = expect_object(loads(body), struct)
    check_fields(value, fields, struct)
    return value


def check_messages(messages: list[Any]) -> None:
    """Complain about the first message that is none."""
    for message in messages:
        check_fields(_object(message, "api.Message"), _MESSAGE, "ChatRequest.messages")
        if "images" in message:
            check_images(message["images"])
        for call in message.get("tool_calls") or ():
            if isinstance((call.get("function") or {}).get("arguments"), str):
                text = "Value looks like object, but can't find closing '}' symbol"
                raise ApiError(400, text)


def check_tools(tools: list[Any]) -> None:
    """Complain about the first tool that is none."""
    for tool in tools:
        check_fields(_object(tool, "api.Tool"), _TOOL, "ChatRequest.tools")


def _object(value: Any, kind: str) -> dict[str, Any]:
    if type(value) is dict:
        return value
    name = {str: "string", list: "array", bool: "bool"}.get(type(value), "number")
    where = f"Go struct field ChatRequest.messages of type {kind}"
    raise ApiError(400, f"json: cannot unmarshal {name} into {where}")


def check_images(images: Any) -> None:
    """Complain about an image that is not base64."""
    for image in images or ():
        wrong = _NOT_BASE64.search(image)
        if wrong is None:
            try:
                base64.b64decode(image, validate=True)
            except binascii.Error:
                wrong_at = len(image)
            else:
                continue
        else:
            wrong_at = wrong.start()
        raise ApiError(400, f"illegal base64 data at input byte {wrong_at}")


def thinking(value: Any) -> bool | None:
    """Read `think`; None where nothing was said."""
    if value is None or isinstance(value, bool):
        return value
    if value in _LEVELS:
        return True
    if isinstance(value, str):
        choices = '(must be "high", "medium", "low", "max", true, or false)'
        raise ApiError(400, f'invalid think value: "{value}" {choices}')
    choices = '("high", "medium", "low", "max", true, or false)'
    raise ApiError(400, f"think must be a boolean or string {choices}")


def top_logprobs(body: Mapping[str, Any]) -> int | None:
    """Read how many alternatives of each token are wanted; None: no logprobs."""
    top = body.get("top_logprobs") or 0
    if not 0 <= top <= 20:
        raise ApiError(400, "top_logprobs must be between 0 and 20")
    return top if body.get("logprobs") else None
