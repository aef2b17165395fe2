"""Ollama's own Python client, unchanged: mistakes, failures and cancels."""

from typing import Any

import httpx
import ollama
import pytest

from backend.core.jobs.states import State
from tests.integration.protocols.ollama_python import (
    ENDLESS,
    HELLO,
    SHORT,
    client_of,
    get_weather,
    latest_ended,
)
from tests.platform import Platform


@pytest.mark.parametrize(
    ("asked", "status", "text"),
    [
        ({"model": "nope"}, 404, "model 'nope' not found"),
        ({"model": "tiny-embed"}, 400, '"tiny-embed" does not support chat'),
        ({"think": True}, 400, '"tiny-chat" does not support thinking'),
        ({"tools": [get_weather]}, 400, "tiny-chat:latest does not support tools"),
        ({"options": {"temperature": "hot"}}, 400, "options.temperature"),
        ({"keep_alive": "300"}, 400, 'time: missing unit in duration "300"'),
        ({"options": {"num_predict": 10**9}}, 400, "options.num_predict"),
    ],
)
def test_a_mistake_is_told(
    ollama_client: ollama.Client, asked: dict[str, Any], status: int, text: str
) -> None:
    for stream in (True, False):
        with pytest.raises(ollama.ResponseError) as caught:
            list(
                ollama_client.chat(
                    **{"model": "tiny-chat", "messages": HELLO, "stream": stream}
                    | asked
                )
            )

        assert caught.value.status_code == status
        assert text in caught.value.error


def test_a_wrong_key_is_told(platform: Platform) -> None:
    with (
        client_of(platform, "corral-wrong") as client,
        pytest.raises(ollama.ResponseError) as caught,
    ):
        client.list()

    assert caught.value.status_code == 401


def test_an_answer_that_breaks_off_ends_with_an_error(
    ollama_client: ollama.Client, platform: Platform, slowly: None
) -> None:
    platform.ollama.set_fault("tiny-chat", "crash", count=1, after_tokens=10)
    parts: list[ollama.ChatResponse] = []

    with pytest.raises(ollama.ResponseError, match="begin anew"):
        parts.extend(ollama_client.chat("tiny-chat", HELLO, stream=True))

    assert parts
    assert not any(part.done for part in parts)


def test_a_whole_answer_survives_a_crash(
    ollama_client: ollama.Client, platform: Platform
) -> None:
    platform.ollama.set_fault("tiny-chat", "crash", count=1, after_tokens=3)

    assert ollama_client.chat("tiny-chat", HELLO, options=SHORT).eval_count == 8


def test_a_stream_that_is_closed_stops_the_gpu(
    ollama_client: ollama.Client, platform: Platform, slowly: None
) -> None:
    parts = ollama_client.chat("tiny-chat", HELLO, stream=True, options=ENDLESS)
    next(iter(parts))
    parts.close()  # type: ignore[attr-defined]  # it is a generator

    assert latest_ended(platform).state is State.CANCELLED
    # The worker's own looks at its node come in between.
    platform.ollama.wait_for(
        lambda seen: (
            [r["state"] for r in seen if r["path"] == "/api/chat"][-1]
            == "client_closed"
        )
    )


def test_a_caller_that_waits_no_longer_stops_the_gpu(
    platform: Platform, slowly: None
) -> None:
    with (
        client_of(platform, platform.key(), timeout=1.0) as client,
        pytest.raises(httpx.ReadTimeout),
    ):
        client.chat("tiny-chat", HELLO, options=ENDLESS)

    assert latest_ended(platform).state is State.CANCELLED
