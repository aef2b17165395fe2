"""Answers as Ollama tells them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from backend.api.calls.failure import AttemptRestartedError, JobFailedError
from backend.api.calls.relay import Delta, Ended, Progress
from backend.api.ollama.answers import (
    Lines,
    durations,
    embeddings,
    empty,
    timestamp,
    whole,
)
from backend.api.ollama.errors import text
from backend.api.ollama.pulling import PullLines
from backend.core.errors import ContextLengthExceededError, InvalidRequestError
from backend.core.jobs.records import JobRecord, just_submitted
from backend.core.jobs.states import Kind
from tests.factories import new_job

TIMINGS = {"total_ms": 1.5, "load_ms": 0.001, "prompt_eval_ms": 0, "attempt_ms": 9}
CALL = {"index": 0, "id": "c", "function": {"name": "f", "arguments": {}}}


def row(kind: Kind, result: Any) -> JobRecord:
    return replace(
        just_submitted(new_job(kind=kind)),
        result=result,
        timings=TIMINGS,
        done_reason="stop",
        prompt_tokens=3,
        completion_tokens=4,
    )


def parsed(written: bytes) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in written.splitlines()]


def test_durations_are_nanoseconds_and_nothing_is_left_out_but_zeros() -> None:
    assert durations(TIMINGS, 3, None) == {
        "total_duration": 1_500_000,
        "load_duration": 1_000,
        "prompt_eval_count": 3,
    }
    assert durations({}, 0, 0) == {}


def test_times_have_nanoseconds() -> None:
    moment = datetime(2026, 11, 21, 9, 17, 28, tzinfo=UTC)
    nanoseconds = int(moment.timestamp()) * 1_000_000_000 + 7

    assert timestamp(nanoseconds) == "2026-11-21T09:17:28.000000007Z"


def test_a_whole_chat_has_its_message_and_counts() -> None:
    message = {"role": "assistant", "content": "hi", "thinking": "hm"}
    result = {"message": message | {"tool_calls": [CALL]}, "logprobs": [{"token": "h"}]}

    told = whole(row(Kind.CHAT, result), model="M")

    assert told.pop("created_at")
    assert told == {
        "model": "M",
        "message": message | {"tool_calls": [{k: CALL[k] for k in ("id", "function")}]},
        "done": True,
        "done_reason": "stop",
        "logprobs": [{"token": "h"}],
        "total_duration": 1_500_000,
        "load_duration": 1_000,
        "prompt_eval_count": 3,
        "eval_count": 4,
    }


def test_a_whole_completion_is_a_response() -> None:
    told = whole(row(Kind.GENERATE, {"text": "hi", "thinking": "hm"}), model="M")

    assert (told["response"], told["thinking"]) == ("hi", "hm")


def test_vectors_come_with_counts_of_the_texts_alone() -> None:
    told = embeddings(row(Kind.EMBED, {"embeddings": [[1.0]]}), model="M")

    assert told["embeddings"] == [[1.0]]
    assert told["prompt_eval_count"] == 3
    assert "eval_count" not in told


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        (Kind.CHAT, {"message": {"role": "assistant", "content": ""}}),
        (Kind.GENERATE, {"response": ""}),
    ],
)
def test_an_answer_to_nothing_says_what_was_done(
    kind: Kind, part: dict[str, Any]
) -> None:
    told = empty(kind, model="M", reason="load")

    assert told.pop("created_at")
    assert told == {"model": "M", **part, "done": True, "done_reason": "load"}


def test_thoughts_words_and_calls_have_their_own_lines() -> None:
    lines = Lines(Kind.CHAT, model="M")
    delta = Delta("hi", "hm", (CALL,), ({"token": "hm"}, {"token": "hi"}))

    thought, word, called = parsed(lines.delta(0, delta))

    assert thought["message"] == {
        "role": "assistant",
        "content": "",
        "thinking": "hm",
    }
    assert len(thought["logprobs"]) == 2
    assert word["message"] == {"role": "assistant", "content": "hi"}
    assert called["message"]["tool_calls"] == [{k: CALL[k] for k in ("id", "function")}]
    assert [line["done"] for line in (thought, word, called)] == [False] * 3


def test_probabilities_of_tokens_without_a_word_have_a_line() -> None:
    lines = Lines(Kind.GENERATE, model="M")

    (line,) = parsed(lines.delta(0, Delta(logprobs=({"token": ""},))))

    assert (line["response"], line["logprobs"]) == ("", [{"token": ""}])


def test_a_stream_ends_with_its_reason_and_says_nothing_else() -> None:
    lines = Lines(Kind.GENERATE, model="M")
    end = Ended(done_reason="length", completion_tokens=2, timings=TIMINGS)

    (last,) = parsed(lines.ended(0, end))

    assert (last["response"], last["done"], last["done_reason"]) == ("", True, "length")
    assert last["eval_count"] == 2
    assert lines.begin() == lines.waiting("queued") == lines.finish() == b""
    assert parsed(lines.failed(AttemptRestartedError())) == [
        {"error": text(AttemptRestartedError())}
    ]


def test_a_runner_that_gave_no_reason_has_none() -> None:
    (last,) = parsed(Lines(Kind.CHAT, model="M").ended(0, Ended()))

    assert "done_reason" not in last


def test_a_pull_tells_each_step_once() -> None:
    lines = PullLines()
    layer = {"status": "pulling 1", "digest": "sha256:1", "total": 9, "completed": None}

    assert parsed(lines.begin()) == [{"status": "pulling manifest"}]
    assert lines.progress(Progress({"status": "pulling manifest"})) == b""
    assert parsed(lines.progress(Progress(layer))) == [
        {"status": "pulling 1", "digest": "sha256:1", "total": 9}
    ]
    assert lines.progress(Progress(layer)) == b""
    assert lines.progress(Progress({"status": "success"})) == b""
    assert lines.delta(0, Delta("x")) == lines.waiting("x") == lines.finish() == b""
    assert parsed(lines.ended(0, Ended())) == [{"status": "success"}]
    assert parsed(lines.failed(InvalidRequestError("no"))) == [{"error": "no"}]


def test_what_ollama_said_is_told_in_its_words() -> None:
    error = {
        "code": "invalid_upstream_request",
        "message": "the input length exceeds the context length",
        "advice": "Send less.",
        "retryable": False,
    }

    assert text(JobFailedError(error)) == error["message"]


def test_what_clients_look_for_is_there_whoever_found_it() -> None:
    told = text(ContextLengthExceededError("request.messages: too long"))

    assert told.startswith("the input length exceeds the context length")


def test_fields_are_named_as_they_were_sent() -> None:
    assert text(InvalidRequestError("request.options.seed: wrong")) == (
        "options.seed: wrong"
    )
