"""What is held back of an answer that begins anew while nobody has heard of it."""

import orjson

from backend.api.calls.holding_back import HoldingBack
from backend.api.calls.relay import Delta, Ended
from backend.api.calls.tooling import Tooling
from backend.api.openai.chat_answer import Wanted
from backend.api.openai.chat_chunks import Chunks
from backend.core.identifiers import uuid7

TOOLS = Tooling(names=frozenset({"get_time"}))
CALL = b'{"name": "get_time", "arguments": {}}'


def writer(times: int = 1) -> HoldingBack:
    wanted = Wanted("tiny-tools", TOOLS)
    return HoldingBack(Chunks(uuid7(), wanted, times=times), TOOLS, times=times)


def said(stream: bytes) -> str:
    """Give the text of a stream."""
    events = stream.removesuffix(b"\n\n").split(b"\n\n")
    chunks = (orjson.loads(event.removeprefix(b"data: ")) for event in events)
    deltas = (chunk["choices"][0]["delta"] for chunk in chunks)
    return "".join(delta.get("content", "") for delta in deltas)


def test_what_an_attempt_said_before_it_ended_is_void() -> None:
    held = writer()

    assert held.delta(0, Delta("Hel")) == b""
    assert held.delta(0, Delta("Good ", attempt=2)) == b""
    assert held.delta(0, Delta("bye", attempt=2)) == b""
    assert said(held.ended(0, Ended(attempt=2))) == "Good bye"


def test_an_attempt_that_says_nothing_says_nothing() -> None:
    held = writer()
    held.delta(0, Delta("Hel"))

    assert said(held.ended(0, Ended(attempt=2))) == ""


def test_each_answer_begins_anew_for_itself() -> None:
    held = writer(2)
    for index in range(2):
        held.delta(index, Delta("one"))
    held.delta(1, Delta("two", attempt=2))

    assert said(held.ended(0, Ended())) == "one"
    assert said(held.ended(1, Ended(attempt=2))) == "two"


def test_a_call_is_read_in_what_the_last_attempt_said() -> None:
    held = writer()
    held.delta(0, Delta("Hel"))
    held.delta(0, Delta(CALL.decode(), attempt=2))

    assert b'"get_time"' in held.ended(0, Ended(attempt=2))
