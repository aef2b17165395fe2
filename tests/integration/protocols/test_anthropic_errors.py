"""What Anthropic's own client is told when something is wrong."""

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic

from tests.integration.protocols.anthropic_calls import ASKED, create, seen
from tests.platform import Platform


@pytest.fixture
def client(platform: Platform) -> Iterator[Anthropic]:
    with Anthropic(base_url=platform.url, api_key=platform.key()) as client:
        yield client


def test_thinking_is_asked_of_models_that_can(client: Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="thinking"):
        create(client, thinking={"type": "enabled", "budget_tokens": 1_024})


def test_images_are_refused_for_models_that_do_not_see(client: Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="vision"):
        create(client, messages=seen())


def test_wrong_keys_are_told_as_anthropic_does(platform: Platform) -> None:
    with (
        Anthropic(base_url=platform.url, api_key="corral-nobody") as client,
        pytest.raises(anthropic.AuthenticationError) as caught,
    ):
        create(client)

    body: Any = caught.value.body
    assert body["type"] == "error"
    assert body["error"]["type"] == "authentication_error"


def test_unknown_models_are_told_as_anthropic_does(client: Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="nobody-has-it"):
        create(client, model="nobody-has-it")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 10**9}, "max_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "nobody", "content": "x"}]}, "messages.0.role"),
        (
            {"messages": [{"role": "user", "content": [{"type": "video"}]}]},
            "messages.0.content.0.type",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": 1}]}]},
            "messages.0.content.0.text",
        ),
        ({"mcp_servers": [{"type": "url"}]}, "mcp_servers"),
    ],
)
def test_what_is_wrong_is_told_with_its_field(
    client: Anthropic, wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(anthropic.BadRequestError) as caught:
        create(client, extra_body=wrong)

    body: Any = caught.value.body
    assert body["error"]["type"] == "invalid_request_error"
    assert body["error"]["message"].startswith(f"{field}: ")


def test_a_failure_after_the_first_word_is_an_error_event(
    client: Anthropic, platform: Platform, slowly: None
) -> None:
    platform.ollama.set_fault("tiny-chat", "mid_stream_error", after_tokens=20)

    with (
        pytest.raises(anthropic.APIStatusError, match="begin anew"),
        client.messages.stream(
            model="tiny-chat", messages=ASKED, max_tokens=50
        ) as stream,
    ):
        for _ in stream:
            pass


def test_a_failure_before_the_first_word_has_its_own_status(
    client: Anthropic, platform: Platform
) -> None:
    platform.ollama.set_fault(
        "tiny-chat",
        "error",
        status=400,
        text="the input length exceeds the context length",
        count=1,
    )

    with (
        pytest.raises(anthropic.BadRequestError, match="context"),
        client.messages.stream(model="tiny-chat", messages=ASKED, max_tokens=50),
    ):
        pass
