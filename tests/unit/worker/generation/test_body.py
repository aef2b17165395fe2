from typing import Any

import pytest

from worker.generation.body import (
    ModelPolicy,
    embed_body,
    generation_body,
    inputs_of,
    recorded_options,
)

POLICY = ModelPolicy(keep_alive_seconds=60, num_ctx=None, max_tokens=100)
SIZED = ModelPolicy(keep_alive_seconds=-1, num_ctx=4096, max_tokens=100)


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({}, 100),
        ({"num_predict": 7}, 7),
        ({"num_predict": 0}, 100),
        ({"num_predict": -1}, 100),
        ({"num_predict": -2}, 100),
    ],
)
def test_a_bound_on_tokens_is_always_sent(asked: dict[str, Any], sent: int) -> None:
    body = generation_body("m:1", {"prompt": "x", "options": asked}, POLICY)

    assert body["options"]["num_predict"] == sent


def test_the_platform_owns_what_loads_the_model() -> None:
    request = {"messages": [], "options": {"num_ctx": 9, "seed": 1}, "stream": False}
    body = generation_body("m:1", request, SIZED)

    assert body == {
        "messages": [],
        "model": "m:1",
        "stream": True,
        "truncate": False,
        "shift": False,
        "keep_alive": -1,
        "options": {"seed": 1, "num_ctx": 4096, "num_predict": 100},
    }


def test_without_a_context_of_ours_none_is_sent() -> None:
    body = generation_body("m:1", {"options": {"num_ctx": 9}}, POLICY)

    assert body["options"] == {"num_predict": 100}
    assert POLICY.load_options == {}


def test_embeddings_of_several_jobs_are_one_body() -> None:
    request = {"input": "one", "dimensions": 3, "options": None}

    assert embed_body("m:1", ["one", "two"], request, SIZED) == {
        "dimensions": 3,
        "truncate": False,
        "shift": False,
        "options": {"num_ctx": 4096},
        "model": "m:1",
        "input": ["one", "two"],
        "keep_alive": -1,
    }


@pytest.mark.parametrize(
    ("asked", "sent"),
    [({}, False), ({"truncate": None}, False), ({"truncate": True}, True)],
)
def test_embeddings_are_of_the_whole_text_unless_the_caller_wants_it_cut(
    asked: dict[str, Any], *, sent: bool
) -> None:
    body = embed_body("m:1", ["one"], {"input": "one"} | asked, POLICY)

    assert body["truncate"] is sent


def test_a_prompt_is_never_cut_whatever_its_request_says() -> None:
    body = generation_body("m:1", {"truncate": True, "shift": True}, POLICY)

    assert (body["truncate"], body["shift"]) == (False, False)


def test_an_attempts_row_keeps_numbers_and_none_of_the_callers_words() -> None:
    options = {"seed": 7, "stop": ["secret"], "my secret": 1, "num_predict": 5}
    body = generation_body("m:1", {"options": options}, SIZED)

    assert recorded_options(body) == '{"num_ctx":4096,"num_predict":5,"seed":7}'


def test_inputs_are_a_list_however_they_were_sent() -> None:
    assert inputs_of({"input": "one"}) == ["one"]
    assert inputs_of({"input": ["one", "two"]}) == ["one", "two"]
