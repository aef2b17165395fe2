"""To what an answer with tools is held, and what is made of it."""

from typing import Any

import jsonschema
import orjson
import pytest

from backend.api.calls.tooling import ToolChoiceUnmetError, tooling

POINT = {
    "type": "object",
    "properties": {"at": {"$ref": "#/$defs/Point"}, "whole": {"$ref": "#"}},
    "$defs": {"Point": {"type": "object", "properties": {"x": {"type": "integer"}}}},
    "required": ["at"],
}
MOVE: dict[str, Any] = {
    "type": "function",
    "function": {"name": "move", "parameters": POINT},
}
STOP: dict[str, Any] = {"type": "function", "function": {"name": "stop"}}


def is_valid(value: Any, schema: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(schema).is_valid(value))


def test_text_is_free_where_no_call_is_demanded() -> None:
    found = tooling([MOVE, STOP])

    assert found.form is None
    text = '{"name":"stop","arguments":{}}'
    assert found.settled(text, [], "stop") == (text, [])


def test_a_demanded_call_allows_nothing_but_calls_and_keeps_references() -> None:
    form = tooling([MOVE, STOP], required=True).form

    assert is_valid({"name": "move", "arguments": {"at": {"x": 1}}}, form)
    assert is_valid({"name": "stop", "arguments": {}}, form)
    assert not is_valid({"name": "move", "arguments": {"at": {"x": "1"}}}, form)
    assert not is_valid(
        {"name": "move", "arguments": {"at": {}, "whole": {"at": 1}}}, form
    )
    assert not is_valid({"name": "move", "arguments": {}}, form)
    assert not is_valid({"name": "fly", "arguments": {}}, form)
    assert not is_valid("text", form)


def test_a_schema_for_the_answer_stands_beside_the_calls() -> None:
    form = tooling([MOVE], answer=POINT).form

    assert is_valid({"at": {"x": 1}}, form)
    assert not is_valid({"at": {"x": "1"}}, form)
    assert is_valid({"name": "move", "arguments": {"at": {}}}, form)


def test_any_json_may_be_a_call() -> None:
    found = tooling([STOP], answer="json")

    assert found.form == "json"
    call = {"name": "stop", "arguments": {}}
    assert found.settled(orjson.dumps(call).decode(), [], "stop") == (
        "",
        [{"function": call}],
    )


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        '{"name":"stop"}',
        '{"name":"fly","arguments":{}}',
        '{"name":["stop"],"arguments":{}}',
        '{"name":"stop","arguments":[]}',
        '{"name":"stop","arguments":{},"more":1}',
    ],
)
def test_what_is_no_call_of_a_tool_stays_text(text: str) -> None:
    assert tooling([STOP], answer="json").settled(text, [], "stop") == (text, [])
    with pytest.raises(ToolChoiceUnmetError):
        tooling([STOP], required=True).settled(text, [], "stop")


def test_a_demanded_call_that_was_cut_off_is_told_as_far_as_it_came() -> None:
    assert tooling([STOP], required=True).settled('{"na', [], "length") == ('{"na', [])


def test_calls_that_ollama_recognised_are_told_as_they_come() -> None:
    calls = [{"function": {"name": "stop"}}, {"function": {"name": "move"}}]

    assert tooling([STOP], required=True).settled("", calls, "stop") == ("", calls)
    single = tooling([STOP], single=True)
    assert single.settled("", calls, "stop") == ("", calls[:1])
    assert single.at_most(calls, told=1) == []


def test_an_answer_without_tools_keeps_its_form() -> None:
    assert tooling([], answer=POINT).form == POINT
    assert tooling([]).form is None


def test_a_call_that_nobody_can_be_told_is_none() -> None:
    deep = '{"a":' * 300 + "1" + "}" * 300
    found = tooling([STOP], required=True)

    with pytest.raises(ToolChoiceUnmetError):
        found.settled(f'{{"name":"stop","arguments":{deep}}}', [], "stop")
