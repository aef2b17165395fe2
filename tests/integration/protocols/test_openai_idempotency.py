"""One request is one generation, however often it is sent."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from openai import APITimeoutError, OpenAI

from tests.contract.openai_shapes import check
from tests.integration.protocols.openai_wire import CHAT, chat, chunks_of, deltas
from tests.platform import Platform

HOW_MANY = 50


def generations(platform: Platform, text: str) -> int:
    """Count what the model was asked with a text."""
    found = [
        job for job in platform.jobs() if text in str(platform.job(job.id).request)
    ]
    return len(found)


def asking(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def together(send: Callable[[], httpx.Response]) -> list[httpx.Response]:
    """Send so many times at once."""
    ready = threading.Barrier(HOW_MANY)

    def one(_: int) -> httpx.Response:
        ready.wait()
        return send()

    with ThreadPoolExecutor(HOW_MANY) as pool:
        return list(pool.map(one, range(HOW_MANY)))


@pytest.mark.parametrize("stream", [False, True])
def test_fifty_posts_with_one_key_are_one_generation(
    platform: Platform, http: httpx.Client, *, stream: bool
) -> None:
    text = f"all together, {stream}"
    asked = chat(messages=asking(text), stream=stream)
    headers = {"Idempotency-Key": text}
    before = len(platform.ollama.requests(path="/api/chat"))

    replies = together(lambda: http.post(CHAT, json=asked, headers=headers))

    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.headers["X-Corral-Job-Id"] for reply in replies}) == 1
    if stream:
        told = {
            "".join(d.get("content", "") for d in deltas(chunks_of(reply)))
            for reply in replies
        }
    else:
        told = {r.json()["choices"][0]["message"]["content"] for r in replies}
    assert len(told) == 1
    assert told != {""}
    assert generations(platform, text) == 1
    assert len(platform.ollama.requests(path="/api/chat")) == before + 1


def test_a_key_of_several_answers_gives_all_of_them_again(http: httpx.Client) -> None:
    asked, headers = chat(n=3), {"Idempotency-Key": "three of them"}

    first = http.post(CHAT, json=asked, headers=headers).json()
    again = http.post(CHAT, json=asked, headers=headers).json()

    assert first == again
    assert len(first["choices"]) == 3


def test_the_longest_key_is_good_for_several_answers_too(http: httpx.Client) -> None:
    headers = {"Idempotency-Key": "k" * 255}

    reply = http.post(CHAT, json=chat(n=2), headers=headers)

    assert len(reply.json()["choices"]) == 2


def test_a_stream_is_told_again_from_its_beginning(http: httpx.Client) -> None:
    asked, headers = chat(stream=True, logprobs=True), {"Idempotency-Key": "and again"}
    first, again = (
        chunks_of(http.post(CHAT, json=asked, headers=headers)) for _ in range(2)
    )

    told = ["".join(d.get("content", "") for d in deltas(c)) for c in (first, again)]
    assert told[0] == told[1] != ""
    assert first[0]["id"] == again[0]["id"]


def test_a_key_with_another_body_is_a_conflict_that_is_not_repeated(
    http: httpx.Client,
) -> None:
    headers = {"Idempotency-Key": "another body"}
    http.post(CHAT, json=chat(), headers=headers)

    reply = http.post(CHAT, json=chat(max_tokens=9), headers=headers)

    assert reply.status_code == 409
    check("error", reply.json())
    assert reply.json()["error"]["code"] == "idempotency_conflict"
    assert reply.headers["x-should-retry"] == "false"


# The client's own repeats
def impatient(platform: Platform, **headers: str) -> OpenAI:
    return OpenAI(
        base_url=f"{platform.url}/v1",
        api_key=platform.key(),
        timeout=2,
        max_retries=2,
        default_headers=headers,
    )


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_gives_up_and_asks_again_gets_the_same_answer(
    platform: Platform, *, stream: bool
) -> None:
    text = f"I cannot wait, {stream}"
    platform.ollama.set_fault("tiny-chat", "hang", seconds=4.5, after_tokens=0, count=1)
    with impatient(platform, **{"X-Corral-Retry": "attach"}) as client:
        answer = client.chat.completions.create(
            model="tiny-chat", messages=asking(text), max_tokens=8, stream=stream
        )
        said = (
            "".join(chunk.choices[0].delta.content or "" for chunk in answer)
            if stream
            else answer.choices[0].message.content
        )

    assert said
    assert generations(platform, text) == 1


def test_without_the_wish_each_try_is_a_generation_and_the_old_ones_are_stopped(
    platform: Platform,
) -> None:
    text = "each for itself"
    platform.ollama.set_fault("tiny-chat", "hang", after_tokens=0, count=2)
    with impatient(platform) as client:
        client.with_options(timeout=0.7).chat.completions.create(
            model="tiny-chat", messages=asking(text), max_tokens=8
        )

    assert generations(platform, text) == 3


def repeat(http: httpx.Client, text: str, **headers: str) -> httpx.Response:
    """Send what a client sends as its repeat."""
    return http.post(
        CHAT,
        json=chat(messages=asking(text)),
        headers={"X-Corral-Retry": "attach", "X-Stainless-Retry-Count": "1", **headers},
    )


def test_a_new_request_is_a_new_generation_and_repeats_follow_the_newest(
    platform: Platform, http: httpx.Client
) -> None:
    new = {"X-Stainless-Retry-Count": "0"}
    first, second = (repeat(http, "twice", **new) for _ in range(2))
    third = repeat(http, "twice")

    ids = [reply.headers["X-Corral-Job-Id"] for reply in (first, second, third)]
    assert ids[0] != ids[1] == ids[2]
    assert third.json() == second.json()


def test_a_repeat_of_what_failed_is_a_new_generation(
    platform: Platform, http: httpx.Client
) -> None:
    text = 'option "seed" must be of type integer'
    platform.ollama.set_fault("tiny-chat", "error", status=400, text=text, count=1)

    failed = repeat(http, "better luck", **{"X-Stainless-Retry-Count": "0"})
    answered = repeat(http, "better luck")

    assert (failed.status_code, answered.status_code) == (400, 200)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Corral-Retry": "new"},
        {"X-Stainless-Retry-Count": "soon"},
    ],
)
def test_what_is_no_repeat_is_a_new_generation(
    platform: Platform, http: httpx.Client, headers: dict[str, str]
) -> None:
    text = f"no repeat, {headers}"
    first = repeat(http, text, **{"X-Stainless-Retry-Count": "0"})
    second = repeat(http, text, **headers)

    assert first.headers["X-Corral-Job-Id"] != second.headers["X-Corral-Job-Id"]


def test_a_wish_that_nobody_knows_is_refused(http: httpx.Client) -> None:
    reply = repeat(http, "what?", **{"X-Corral-Retry": "perhaps"})

    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == "X-Corral-Retry"


def test_several_prompts_are_repeated_together(http: httpx.Client) -> None:
    asked = {"model": "tiny-chat", "prompt": ["one", "two"], "max_tokens": 4}
    replies = [
        http.post(
            "/v1/completions",
            json=asked,
            headers={"X-Corral-Retry": "attach", "X-Stainless-Retry-Count": count},
        )
        for count in ("0", "1")
    ]

    assert replies[0].json() == replies[1].json()


def test_a_caller_that_only_ever_waits_too_short_hears_of_the_time_out(
    platform: Platform,
) -> None:
    platform.ollama.set_fault("tiny-chat", "hang", after_tokens=0, seconds=1, count=1)
    with (
        impatient(platform, **{"X-Corral-Retry": "attach"}) as client,
        pytest.raises(APITimeoutError),
    ):
        client.with_options(timeout=0.05, max_retries=1).chat.completions.create(
            model="tiny-chat", messages=asking("too short"), max_tokens=8
        )
