"""OpenAI's own client and responses that are made while nobody waits."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.responses import Response

from backend.core.jobs.states import State
from tests.fakes.api_process import ApiProcess
from tests.integration.protocols.openai_responses import (
    CHAT,
    SHORT,
    job_of,
    until_final,
)
from tests.platform import Platform

# Words, then so long nothing, then the rest.
PAUSE: dict[str, Any] = {"after_tokens": 5, "seconds": 3, "count": 1}


@pytest.fixture
def client(platform: Platform) -> Iterator[OpenAI]:
    key = platform.key()
    with OpenAI(base_url=f"{platform.url}/v1", api_key=key, max_retries=0) as client:
        yield client


def test_a_response_is_made_in_the_background(client: OpenAI) -> None:
    begun = client.responses.create(**CHAT, background=True)

    assert begun.status in {"queued", "in_progress"}
    assert begun.output == []
    told = until_final(client, begun.id)
    assert told.status == "completed"
    assert told.output_text


def broken_off(client: OpenAI, platform: Platform) -> list[Any]:
    """Read the beginning of a stream, and leave it."""
    platform.ollama.set_fault("tiny-chat", "hang", **PAUSE)
    read = []
    with client.responses.create(**CHAT, background=True, stream=True) as stream:
        for event in stream:
            read.append(event)
            if event.type == "response.output_text.delta":
                return read
    raise AssertionError("nothing was said")


def check_goes_on(read: list[Any], rest: list[Any], told: Response) -> None:
    """Check that two parts of a stream are one."""
    numbers = [event.sequence_number for event in (*read, *rest)]
    assert numbers == list(range(len(numbers)))
    deltas = [e.delta for e in (*read, *rest) if e.type == "response.output_text.delta"]
    assert "".join(deltas) == told.output_text
    assert rest[-1].type == "response.completed"
    assert rest[-1].response.output == told.output


def test_a_stream_that_broke_off_goes_on_where_it_was(
    platform: Platform, client: OpenAI
) -> None:
    read = broken_off(client, platform)
    place = read[-1].sequence_number

    response_id = read[0].response.id
    rest = list(
        client.responses.retrieve(response_id, stream=True, starting_after=place)
    )
    again = list(
        client.responses.retrieve(response_id, stream=True, starting_after=place)
    )

    check_goes_on(read, rest, client.responses.retrieve(response_id))
    assert [e.to_dict() for e in again[:-1]] == [e.to_dict() for e in rest[:-1]]
    assert again[-1].sequence_number == rest[-1].sequence_number


def test_a_stream_goes_on_from_another_server(
    platform: Platform, client: OpenAI, tmp_path: Path
) -> None:
    read = broken_off(client, platform)
    settings = dict(platform.environment)
    database_url, redis_url = settings.pop("DATABASE_URL"), settings.pop("REDIS_URL")
    del settings["OLLAMA_BASE_URL"]
    with (
        ApiProcess(
            tmp_path, database_url=database_url, redis_url=redis_url, **settings
        ) as second,
        OpenAI(base_url=f"{second.url}/v1", api_key=client.api_key) as elsewhere,
    ):
        rest = list(
            elsewhere.responses.retrieve(
                read[0].response.id,
                stream=True,
                starting_after=read[-1].sequence_number,
            )
        )

    check_goes_on(read, rest, client.responses.retrieve(read[0].response.id))


def test_where_the_record_is_gone_the_end_is_told(
    platform: Platform, client: OpenAI
) -> None:
    begun = client.responses.create(**CHAT, background=True)
    told = until_final(client, begun.id)
    platform.redis.delete(f"corral:stream:{job_of(platform, begun).id}")

    fresh = list(client.responses.retrieve(begun.id, stream=True))
    (rest,) = client.responses.retrieve(begun.id, stream=True, starting_after=4)

    deltas = [e.delta for e in fresh if e.type == "response.output_text.delta"]
    assert deltas == [told.output_text]
    assert rest.type == "response.completed"
    assert rest.sequence_number > 4
    assert rest.response.output == told.output


def test_a_cancel_stops_the_gpu(platform: Platform, client: OpenAI) -> None:
    platform.ollama.set_fault("tiny-chat", "hang", after_tokens=3, count=1)
    begun = client.responses.create(**CHAT, background=True)
    platform.ollama.wait_for(
        lambda found: (
            [one["state"] for one in found if one["path"] == "/api/chat"][-1:]
            == ["open"]
        )
    )

    cancelled = client.responses.cancel(begun.id)
    again = client.responses.cancel(begun.id)

    assert cancelled.status == again.status == "cancelled"
    # The worker's own looks at its node come in between.
    platform.ollama.wait_for(
        lambda found: (
            [one["state"] for one in found if one["path"] == "/api/chat"][-1]
            == "client_closed"
        )
    )
    assert job_of(platform, begun).state is State.CANCELLED
    *_, last = client.responses.retrieve(begun.id, stream=True)
    assert last.type == "response.failed"
    assert last.response.status == "cancelled"


def test_only_what_is_in_the_background_can_be_cancelled(client: OpenAI) -> None:
    told = client.responses.create(**SHORT)

    with pytest.raises(openai.BadRequestError, match="background"):
        client.responses.cancel(told.id)
