"""JSON as Go's encoder writes it and as Go's decoder complains about it."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from ollama_sim.errors import ApiError

_KINDS = {
    str: "string",
    bool: "bool",
    int: "number",
    float: "number",
    list: "array",
    dict: "object",
}


# Any: JSON is whatever the caller sent.
def dumps(value: Any) -> bytes:
    """Encode a value; `<`, `>` and `&` are escaped as Go does."""
    return _escaped(orjson.dumps(value))


@lru_cache(maxsize=4096)
def quoted(text: str) -> bytes:
    """Encode a piece of an answer, with its quotes."""
    return dumps(text)


def _escaped(data: bytes) -> bytes:
    if b"<" in data or b">" in data or b"&" in data:
        data = data.replace(b"<", b"\\u003c").replace(b">", b"\\u003e")
        data = data.replace(b"&", b"\\u0026")
    return data


def loads(body: bytes) -> Any:
    """Decode the first document of a body; what follows it is ignored."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _first_document(body)


def _first_document(body: bytes) -> Any:
    text = body.decode(errors="replace").lstrip()
    if not text:
        raise ApiError(400, "missing request body")
    try:
        return json.JSONDecoder().raw_decode(text)[0]
    except json.JSONDecodeError as error:
        raise ApiError(400, _complaint(text, error)) from error


def _complaint(text: str, error: json.JSONDecodeError) -> str:
    rest = text[error.pos :].lstrip()
    if not rest or error.msg.startswith("Unterminated"):
        return "unexpected EOF"
    where = "value" if error.msg == "Expecting value" else "object key string"
    return f"invalid character {rest[0]!r} looking for beginning of {where}"


def expect_object(value: Any, struct: str) -> dict[str, Any]:
    """Return the value if it is an object, else complain as Go does."""
    if type(value) is dict:
        return value
    kind = _KINDS.get(type(value), "null")
    text = f"json: cannot unmarshal {kind} into Go value of type api.{struct}"
    raise ApiError(400, text)


def check_fields(
    value: Mapping[str, Any], fields: Mapping[str, tuple[type, str]], path: str
) -> None:
    """Complain about the first field whose type is wrong; null always fits."""
    for name, item in value.items():
        expected = fields.get(name)
        if expected is None or item is None or type(item) is expected[0]:
            continue
        if expected[0] is float and type(item) is int:
            continue
        kind = _KINDS[type(item)]
        what = f"Go struct field {path}.{name} of type {expected[1]}"
        raise ApiError(400, f"json: cannot unmarshal {kind} into {what}")
