"""Jobs that did not succeed, as their callers read it."""

import pytest

from backend.api.calls.failure import JobFailedError


@pytest.mark.parametrize(
    ("message", "advice", "said"),
    [
        ("the input is too long", "Send less.", "the input is too long. Send less."),
        ("The node was lost.", "Ask again.", "The node was lost. Ask again."),
        ("Why not?", "Ask again.", "Why not? Ask again."),
        ("out of memory", "", "out of memory"),
        ("ends in a break\n", "Ask again.", "ends in a break. Ask again."),
    ],
)
def test_what_happened_and_what_to_do_are_two_sentences(
    message: str, advice: str, said: str
) -> None:
    error = {
        "code": "upstream_error",
        "message": message,
        "advice": advice,
        "retryable": True,
    }

    assert JobFailedError(error).detail == said
