from typing import Any

from backend.core.jobs.states import Kind
from backend.core.streams.text import GrowingText
from worker.generation.reply import read_lines, whole_reply

LAST: dict[str, Any] = {
    "done": True,
    "done_reason": "stop",
    "total_duration": 1_500_000,
    "eval_duration": None,
    "prompt_eval_count": 3,
    "eval_count": 4,
}


def test_the_lines_of_one_read_are_joined() -> None:
    lines: list[dict[str, Any]] = [
        {"message": {"content": "a", "thinking": "hm"}},
        {"message": {"content": "b", "tool_calls": [{"id": 1}]}},
        {"message": {"content": ""}, **LAST},
    ]
    said = read_lines(Kind.CHAT, lines)

    assert (said.text, said.thinking, said.tool_calls) == ("ab", "hm", [{"id": 1}])
    assert said.last is lines[-1]


def test_a_generate_lines_text_is_its_response() -> None:
    said = read_lines(Kind.GENERATE, [{"response": "a"}, {"thinking": "b"}])

    assert (said.text, said.thinking, said.tool_calls, said.last) == (
        "a",
        "b",
        None,
        None,
    )


def test_what_is_known_of_the_tokens_is_joined_and_kept() -> None:
    lines = [
        {"response": "a", "logprobs": [{"token": "a"}]},
        {"response": "", "logprobs": [{"token": ""}]},
    ]
    said = read_lines(Kind.GENERATE, lines)
    growing = GrowingText()
    growing.add(said.text, logprobs=said.logprobs)
    reply = whole_reply(Kind.GENERATE, growing, LAST)

    assert said.anything
    assert not read_lines(Kind.CHAT, [LAST]).anything
    assert reply.result == {
        "text": "a",
        "done_reason": "stop",
        "logprobs": [{"token": "a"}, {"token": ""}],
    }


def text(said: str, thinking: str = "", calls: Any = None) -> GrowingText:
    growing = GrowingText()
    growing.add(said, thinking, calls)
    return growing


def test_a_chats_result_is_a_message() -> None:
    reply = whole_reply(Kind.CHAT, text("hi", "hm", [{"id": 1}]), LAST)

    assert reply.result == {
        "message": {
            "role": "assistant",
            "content": "hi",
            "thinking": "hm",
            "tool_calls": [{"index": 0, "id": 1}],
        },
        "done_reason": "stop",
    }
    assert (reply.prompt_tokens, reply.completion_tokens) == (3, 4)
    assert reply.durations == {"total_ms": 1.5}


def test_a_generates_result_is_a_text() -> None:
    reply = whole_reply(Kind.GENERATE, text("hi"), {"done_reason": ""})

    assert reply.result == {"text": "hi", "done_reason": None}
    assert reply.completion_tokens is None


def test_a_bare_answer_has_no_thinking_and_no_calls() -> None:
    reply = whole_reply(Kind.CHAT, text("hi"), LAST)

    assert reply.result["message"] == {"role": "assistant", "content": "hi"}
