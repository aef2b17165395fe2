"""A response's stream: what is told, and under which numbers."""

from typing import Any

import orjson
import pytest

from backend.api.calls.failure import (
    AttemptRestartedError,
    JobCancelledError,
    JobFailedError,
)
from backend.api.calls.relay import Delta, Ended
from backend.api.openai.responses.events import ResponseEvents
from backend.api.openai.schemas.responses import ResponseCreateParams
from backend.core.identifiers import uuid7
from tests.contract.openai_shapes import check

Json = dict[str, Any]
JOB = uuid7()
CALL = {"index": 0, "function": {"name": "get_time", "arguments": {"in": "Paris"}}}
ALL = [
    Delta(thinking="Hm"),
    Delta(thinking="m."),
    Delta("Hel", logprobs=({"token": "Hel", "logprob": -0.5},)),
    Delta("lo"),
    Delta(tool_calls=(CALL,)),
]
END = Ended(done_reason="stop", prompt_tokens=3, completion_tokens=5)
LATER = 1_000_000_000


def writer(**over: Any) -> ResponseEvents:
    asked = {"model": "tiny-chat", "input": "Hello", "background": True}
    known = {key: over.pop(key) for key in ("after", "only_end") if key in over}
    body = ResponseCreateParams.model_validate(asked | over)
    return ResponseEvents(JOB, body, clock=lambda: 1_800_000_000.7, **known)


def read(stream: bytes) -> list[Json]:
    """Read events, each of which has its shape."""
    blocks = stream.removesuffix(b"\n\n").split(b"\n\n") if stream else []
    found = []
    for block in blocks:
        event, data = block.split(b"\n")
        found.append(orjson.loads(data.removeprefix(b"data: ")))
        assert event == b"event: " + found[-1]["type"].encode()
        check("response_event", found[-1])
    return found


def run(events: ResponseEvents, *deltas: Delta, end: Ended = END) -> list[Json]:
    said = b"".join(events.delta(0, delta) for delta in deltas)
    # As a stream does: its beginning is written when there is something to say.
    return read(events.begin() + said + events.ended(0, end) + events.finish())


def numbers(events: list[Json]) -> list[int]:
    return [event["sequence_number"] for event in events]


def test_all_events_come_in_their_order_and_are_numbered_without_a_gap() -> None:
    told = run(writer(), *ALL)

    assert numbers(told) == list(range(len(told)))
    assert [event["type"].removeprefix("response.") for event in told] == [
        "created",
        "queued",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]


def test_the_last_event_has_the_whole_response() -> None:
    told = run(writer(), *ALL)[-1]["response"]

    thought, said, called = told["output"]
    assert thought["summary"] == [{"type": "summary_text", "text": "Hmm."}]
    assert said["content"][0]["text"] == "Hello"
    assert said["content"][0]["logprobs"][0]["token"] == "Hel"
    assert orjson.loads(called["arguments"]) == {"in": "Paris"}
    assert told["status"] == "completed"
    assert told["completed_at"] == 1_800_000_000
    assert told["usage"]["total_tokens"] == 8


def probable(*tokens: str) -> tuple[Json, ...]:
    return tuple({"token": token, "logprob": -0.5} for token in tokens)


def test_probabilities_are_those_of_the_text() -> None:
    told = run(
        writer(),
        Delta(thinking="Hm", logprobs=probable("H", "m")),
        Delta("Hel", thinking="m.", logprobs=probable("m.", "</think>", "He", "l")),
        Delta("lo", logprobs=probable("l", "o", "<end>")),
    )

    part = told[-1]["response"]["output"][1]["content"][0]
    assert "".join(one["token"] for one in part["logprobs"]) == part["text"] + "<end>"


def test_a_response_that_nobody_left_waiting_was_never_queued() -> None:
    told = run(writer(background=False), Delta("Hello"))

    assert told[1]["type"] == "response.in_progress"
    assert numbers(told) == list(range(len(told)))


def test_an_answer_that_was_cut_is_incomplete() -> None:
    told = run(writer(), Delta("Hel"), end=Ended(done_reason="length"))

    assert told[-1]["type"] == "response.incomplete"
    assert told[-1]["response"]["output"][0]["status"] == "incomplete"
    reason = told[-1]["response"]["incomplete_details"]["reason"]
    assert reason == "max_output_tokens"


def test_who_thinks_again_after_it_spoke_has_thoughts_of_their_own() -> None:
    deltas = [Delta(thinking="a"), Delta("b"), Delta(thinking="c"), Delta("d")]
    output = run(writer(), *deltas)[-1]["response"]["output"]

    assert [item["type"] for item in output] == ["reasoning", "message", "reasoning"]
    assert output[1]["content"][0]["text"] == "bd"
    assert len({item["id"] for item in output}) == 3


@pytest.mark.parametrize("after", range(-1, 22))
def test_whoever_goes_on_is_told_the_same_under_the_same_numbers(after: int) -> None:
    told = run(writer(after=after), *ALL)

    whole = run(writer(), *ALL)
    assert told[:-1] == [e for e in whole[:-1] if e["sequence_number"] > after]
    assert told[-1]["sequence_number"] > after
    assert told[-1]["response"] == whole[-1]["response"]


def test_whoever_has_more_than_there_is_still_hears_the_end() -> None:
    (told,) = run(writer(after=5_000), *ALL)

    assert told["type"] == "response.completed"
    assert told["sequence_number"] == 5_001


def test_where_the_record_is_lost_only_the_end_is_told_and_all_of_it() -> None:
    events, end = writer(after=40, only_end=True), Ended(attempt=2)
    (told,) = run(events, Delta("Hell"), Delta("Hello", attempt=2), end=end)

    assert told["sequence_number"] > 40
    (said,) = told["response"]["output"]
    assert said["content"][0]["text"] == "Hello"


# An attempt that began anew
def test_a_later_attempt_has_numbers_of_its_own() -> None:
    told = run(writer(), Delta("Hello", attempt=2), end=Ended(attempt=2))

    assert numbers(told)[:3] == [0, 1, 2]
    later = range(LATER + 3, LATER + len(told))
    assert numbers(told)[3:] == list(later)


def test_nobody_goes_on_in_another_attempt_than_the_one_it_has_read() -> None:
    events = writer(after=7)

    with pytest.raises(AttemptRestartedError):
        events.delta(0, Delta("Hello", attempt=2))
    (told,) = read(events.failed(AttemptRestartedError()))
    assert told["type"] == "error"
    assert told["code"] == "attempt_restarted"
    assert told["sequence_number"] > 7


@pytest.mark.parametrize("after", [2, LATER + 5])
def test_who_has_read_nothing_else_goes_on_in_a_later_attempt(after: int) -> None:
    deltas = [Delta(text, attempt=2) for text in "Hello"]
    told = run(writer(after=after), *deltas, end=Ended(attempt=2))

    assert numbers(told)[0] == max(LATER + 3, after + 1)


# Failures
FAILURE = {
    "code": "out_of_memory",
    "message": "Too large.",
    "advice": "Ask a smaller model.",
    "retryable": False,
}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (JobFailedError(FAILURE), "failed", "server_error"),
        (
            JobFailedError(FAILURE | {"code": "context_length_exceeded"}),
            "failed",
            "invalid_prompt",
        ),
        (JobCancelledError(), "cancelled", None),
    ],
)
def test_a_job_that_fails_ends_with_what_was_said(
    error: JobFailedError, status: str, code: str | None
) -> None:
    events = writer()
    said = events.delta(0, Delta("Hel"))

    told = read(events.begin() + said + events.failed(error))

    assert numbers(told) == list(range(len(told)))
    assert told[-1]["type"] == "response.failed"
    response = told[-1]["response"]
    assert response["status"] == status
    assert (response["error"] or {}).get("code") == code
    assert response["output"][0]["status"] == "incomplete"
    assert response["output"][0]["content"][0]["text"] == "Hel"


def test_silence_is_a_comment() -> None:
    assert writer().waiting("queued") == b": queued\n\n"
