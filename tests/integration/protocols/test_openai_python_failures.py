"""OpenAI's own client, when something goes wrong or nobody waits any more."""

from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam

from backend.core.jobs.states import State
from tests.platform import Platform
from tests.stack import Stack

ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "one two three"}]


# Errors
@pytest.mark.parametrize(
    ("change", "kind", "code"),
    [
        ({"model": "nobody"}, openai.NotFoundError, "model_not_found"),
        ({"n": 0}, openai.BadRequestError, "invalid_request"),
        (
            {"extra_headers": {"Authorization": "Bearer corral-none"}},
            openai.AuthenticationError,
            "invalid_api_key",
        ),
    ],
)
def test_an_error_is_the_clients_own(
    openai_client: OpenAI,
    change: dict[str, Any],
    kind: type[openai.APIStatusError],
    code: str,
) -> None:
    asked = {"model": "tiny-chat", "messages": ASKED, **change}
    with pytest.raises(kind) as raised:
        openai_client.chat.completions.create(**asked)

    assert raised.value.code == code
    assert raised.value.request_id


def test_a_key_that_may_not_is_denied(platform: Platform) -> None:
    key = platform.key("zoe", allowed_models=("tiny-embed:latest",))
    with (
        OpenAI(base_url=f"{platform.url}/v1", api_key=key) as client,
        pytest.raises(openai.PermissionDeniedError),
    ):
        client.chat.completions.create(model="tiny-chat", messages=ASKED)


def test_a_conflict_is_not_tried_again(
    platform: Platform, openai_client: OpenAI
) -> None:
    key = {"Idempotency-Key": "an openai conflict"}
    openai_client.completions.create(
        model="tiny-chat", prompt="One", max_tokens=4, extra_headers=key
    )
    sent: list[httpx.Request] = []
    with (
        httpx.Client(event_hooks={"request": [sent.append]}) as transport,
        pytest.raises(openai.ConflictError),
    ):
        openai_client.with_options(http_client=transport).completions.create(
            model="tiny-chat", prompt="Two", max_tokens=4, extra_headers=key
        )

    assert len(sent) == 1


@pytest.mark.usefixtures("slowly")
def test_a_failure_in_mid_stream_is_raised(
    platform: Platform, openai_client: OpenAI
) -> None:
    platform.ollama.set_fault("tiny-chat", "mid_stream_error", after_tokens=15, count=1)
    stream = openai_client.chat.completions.create(
        model="tiny-chat", messages=ASKED, max_tokens=50, stream=True
    )
    with stream, pytest.raises(openai.APIError) as raised:
        list(stream)

    assert raised.value.code == "attempt_restarted"


# Leaving
def was_left(requests: list[dict[str, Any]]) -> bool:
    """Tell whether the last chat's caller hung up."""
    chats = [one for one in requests if one["path"] == "/api/chat"]
    return bool(chats[-1]["state"] == "client_closed")


def test_closing_a_stream_stops_the_gpu(
    platform: Platform, openai_client: OpenAI
) -> None:
    platform.ollama.set_fault("tiny-chat", "slow", seconds=0.2, count=1)
    stream = openai_client.chat.completions.create(
        model="tiny-chat", messages=ASKED, max_tokens=500, stream=True
    )
    next(stream)
    stream.close()

    platform.ollama.wait_for(was_left)


def test_a_time_out_stops_the_gpu(platform: Platform, openai_client: OpenAI) -> None:
    platform.ollama.set_fault("tiny-chat", "hang", after_tokens=0, count=1)
    impatient = openai_client.with_options(timeout=0.5, max_retries=0)
    with pytest.raises(openai.APITimeoutError):
        impatient.chat.completions.create(model="tiny-chat", messages=ASKED)

    platform.ollama.wait_for(was_left)


@pytest.mark.usefixtures("slowly")
def test_whoever_leaves_several_answers_stops_them_all(
    openai_client: OpenAI, platform: Platform
) -> None:
    stream = openai_client.chat.completions.create(
        model="tiny-chat", messages=ASKED, max_tokens=1_000, stream=True, n=3
    )
    next(iter(stream))
    stream.close()

    ids = [job.id for job in platform.jobs()[:3]]
    Stack.until(
        lambda: {platform.job(job_id).state for job_id in ids} == {State.CANCELLED}
    )
