"""A value that is valid for a JSON schema."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import jsonschema
import orjson

from ollama_sim.errors import ApiError

_MAX_DEPTH = 12
_BY_FORMAT = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "email": "ada@example.org",
    "uri": "https://example.org/",
    "uuid": "12345678-1234-4234-8234-123456789abc",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "hostname": "example.org",
}
_BY_NAME = {"city": "Paris", "location": "Paris", "country": "France", "name": "Ada"}


# Any: schemas and their values are JSON.
@lru_cache(maxsize=256)
def valid_text(schema: bytes) -> str:
    """Return indented JSON that a schema, given as JSON, accepts."""
    value = instance(checked(orjson.loads(schema)))
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def checked(schema: Any) -> dict[str, Any]:
    """Return the schema if it is one."""
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise ApiError(500, "invalid JSON schema in format") from error
    return dict(schema)


def instance(schema: Mapping[str, Any], hint: str | None = None) -> Any:
    """Make a value for a schema; `hint` is used for the first free text in it."""
    return _Maker(schema, hint).make(schema, "", 0)


class _Maker:
    """Walks a schema and makes the simplest value that fits each part."""

    def __init__(self, root: Mapping[str, Any], hint: str | None) -> None:
        self._root = root
        self._hint = hint
        self._by_type: dict[str, Callable[[Mapping[str, Any], str, int], Any]] = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": self._integer,
            "number": self._number,
            "boolean": lambda *_: True,
            "null": lambda *_: None,
        }

    def make(self, schema: Any, name: str, depth: int) -> Any:
        if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
            return None
        if "$ref" in schema:
            return self.make(self._resolve(schema["$ref"]), name, depth + 1)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][0]
        return self._by_type[_type_of(schema)](self._merged(schema), name, depth)

    def _merged(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Fold what `allOf` demands, and the first choice, into the schema."""
        parts = list(schema.get("allOf", ()))
        parts += [(schema.get(word) or [{}])[0] for word in ("anyOf", "oneOf")]
        merged = dict(schema)
        for choice in parts:
            part = self._resolve(choice["$ref"]) if "$ref" in choice else choice
            merged |= part | {
                "properties": merged.get("properties", {}) | part.get("properties", {})
            }
        return merged

    def _resolve(self, reference: str) -> Any:
        found: Any = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            found = found.get(step, {}) if step else found
        return found

    def _object(self, schema: Mapping[str, Any], name: str, depth: int) -> Any:
        del name
        properties = schema.get("properties", {})
        required = schema.get("required", ())
        # Deep down only what must be there, or a recursive schema would never end.
        names = properties if depth < _MAX_DEPTH // 2 else required
        return {
            key: self.make(properties.get(key, {}), key, depth + 1)
            for key in [*names, *(k for k in required if k not in names)]
        }

    def _array(self, schema: Mapping[str, Any], name: str, depth: int) -> Any:
        count = schema.get("minItems", 1 if depth < _MAX_DEPTH // 2 else 0)
        count = min(count, schema.get("maxItems", count))
        first = list(schema.get("prefixItems", ()))[:count]
        rest = [schema.get("items", {})] * (count - len(first))
        return [self.make(item, name, depth + 1) for item in [*first, *rest]]

    def _string(self, schema: Mapping[str, Any], name: str, depth: int) -> str:
        del depth
        text = _BY_FORMAT.get(schema.get("format", ""), "")
        if not text and self._hint is not None:
            text, self._hint = self._hint, None
        text = text or _BY_NAME.get(name.lower(), "text")
        pattern = schema.get("pattern")
        if pattern and not re.search(pattern, text):
            text = _matching(pattern)
        text = text.ljust(schema.get("minLength", 0), "x")
        return text[: schema.get("maxLength", len(text))]

    def _integer(self, schema: Mapping[str, Any], name: str, depth: int) -> int:
        step = int(schema.get("multipleOf", 1))
        return int(self._number({**schema, "multipleOf": step}, name, depth))

    def _number(self, schema: Mapping[str, Any], name: str, depth: int) -> float:
        del name, depth
        step: float = schema.get("multipleOf", 1)
        low = schema.get("minimum", schema.get("exclusiveMinimum"))
        high = schema.get("maximum", schema.get("exclusiveMaximum"))
        below = high // step * step if high is not None else step
        start = below if low is None else -(-low // step) * step
        middle = start if None in (low, high) else (low + high) / 2
        tries = (start, start + step, start - step, middle)
        return next((t for t in tries if _fits(t, schema)), middle)


def _fits(value: object, schema: Mapping[str, Any]) -> bool:
    bounds = {k: v for k, v in schema.items() if k != "$ref"}
    return bool(jsonschema.Draft202012Validator(bounds).is_valid(value))


def _type_of(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), "null")
    if kind is None and any(word in schema for word in ("anyOf", "oneOf", "allOf")):
        parts = schema.get("anyOf") or schema.get("oneOf") or schema["allOf"]
        return "object" if "$ref" in parts[0] else _type_of(parts[0])
    if kind is None:
        kind = "array" if "items" in schema else "string"
        kind = "object" if "properties" in schema else kind
    return str(kind)


def _matching(pattern: str) -> str:
    """Try a few texts; a pattern that none fits is left unmet."""
    tries = ("a", "A", "1", "12", "123", "1234", "12345", "AB", "abc", "ABC", "a-1")
    return next((text for text in tries if re.search(pattern, text)), "text")
