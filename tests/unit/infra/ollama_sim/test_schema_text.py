from typing import Any

import jsonschema
import orjson
import pytest
from ollama_sim.errors import ApiError
from ollama_sim.schema_text import instance, valid_text
from ollama_sim.tool_calls import tool_call

NODE = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["value"],
            "additionalProperties": False,
        }
    },
}
SCHEMAS: list[dict[str, Any]] = [
    {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
    {"type": "object", "required": ["undescribed"]},
    {"type": "string", "minLength": 30},
    {"type": "string", "maxLength": 2},
    {"type": "string", "pattern": "^[0-9]{3}$"},
    {"type": "string", "format": "date"},
    {"type": "integer", "minimum": 7, "maximum": 7},
    {"type": "integer", "exclusiveMinimum": 7, "multipleOf": 5},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "number", "maximum": -3},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 3},
    {"type": "array", "maxItems": 0},
    {"type": "array", "prefixItems": [{"type": "null"}, {"type": "string"}]},
    {"type": ["null", "integer"]},
    {"enum": ["red", "green"]},
    {"const": {"a": 1}},
    {"anyOf": [{"type": "integer", "minimum": 5}, {"type": "string"}]},
    {
        "allOf": [
            {"type": "object", "properties": {"b": {"enum": [2]}}, "required": ["b"]}
        ]
    },
    {"properties": {"a": {"items": {"type": "number"}}}},
    {},
    NODE,
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_the_text_is_valid_for_the_schema(schema: dict[str, Any]) -> None:
    value = orjson.loads(valid_text(orjson.dumps(schema)))

    jsonschema.validate(value, schema)


def test_a_schema_that_is_none_is_an_error_of_ollama() -> None:
    with pytest.raises(ApiError, match="invalid JSON schema in format"):
        valid_text(b'{"type": "strange"}')


def test_a_part_that_is_no_schema_is_null() -> None:
    assert instance({"type": "object", "properties": {"a": True}}) == {"a": None}


def tool(name: str, **properties: Any) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def test_a_call_takes_its_arguments_from_the_schema_and_the_prompt() -> None:
    weather = tool("get_weather", city={"type": "string"}, days={"type": "integer"})

    call = tool_call([weather], "What is the weather in Lisbon?", 1)

    expected = {"city": "Lisbon", "days": 1}
    assert call["function"]["arguments"] == expected
    assert call["id"].startswith("call_")


def test_the_tool_that_the_prompt_names_is_called() -> None:
    tools = [tool("get_weather"), tool("get_time")]

    assert tool_call(tools, "use get_time now", 1)["function"]["name"] == "get_time"
    assert tool_call(tools, "hello", 1)["function"]["name"] == "get_weather"
    assert tool_call(tools, "hello", 1)["function"]["arguments"] == {}


def test_a_city_is_paris_where_the_prompt_has_none() -> None:
    weather = tool("get_weather", city={"type": "string"})

    arguments = tool_call([weather], "weather?", 1)["function"]["arguments"]

    assert arguments == {"city": "Paris"}
