import asyncio
import json

import pytest

from tests.unit.infra.ollama_sim.stage import Stage, hello, now, played


@played
async def test_tokens_leave_one_by_one_at_their_times() -> None:
    stage = Stage(tokens_per_second=10)

    reply = await stage.post("/api/chat", hello(num_predict=5))

    assert reply.times == [0.1, 0.2, 0.3, 0.4, 0.5, 0.5]
    assert reply.writes[0][1].startswith(b"HTTP/1.1 200 OK")


@played
async def test_a_late_stream_catches_up() -> None:
    stage = Stage(tokens_per_second=10)
    caller = stage.start("/api/chat", hello(sim_tokens=100))
    await caller.first_write()

    stage.lose_time(5)
    reply = await caller.reply()

    assert reply.times[-1] == 10
    assert reply.times.count(5.1) == 50


@played
async def test_nothing_is_sent_before_the_first_token() -> None:
    stage = Stage(load_seconds=2, first_token_seconds=1, tokens_per_second=10)

    reply = await stage.post("/api/chat", hello(num_predict=1))

    assert reply.times[0] == 3.1


@played
async def test_without_a_pace_an_answer_is_one_write() -> None:
    stage = Stage()

    reply = await stage.post("/api/chat", hello(sim_tokens=20))

    assert len(reply.writes) == 1
    assert len(reply.lines) == 21


@played
async def test_a_long_answer_without_a_pace_leaves_in_batches() -> None:
    stage = Stage()

    reply = await stage.post("/api/chat", hello(sim_tokens=1000))

    assert len(reply.lines) == 1001
    assert len(reply.writes) == 8


@played
async def test_an_answer_waits_for_a_caller_that_reads_slowly() -> None:
    stage = Stage()
    caller = stage.start("/api/chat", hello(sim_tokens=1000))
    caller.connection.pause_writing()

    await asyncio.sleep(1)
    assert len(caller.writes) == 1

    caller.connection.resume_writing()
    assert len((await caller.reply()).lines) == 1001


@played
async def test_the_same_prompt_and_seed_give_the_same_text() -> None:
    stage = Stage()

    texts = [
        (await stage.post("/api/chat", hello(seed=seed))).text for seed in (1, 1, 2)
    ]

    assert texts[0] == texts[1] != texts[2]
    assert texts[0].endswith(".")


@played
async def test_an_answer_in_one_piece_has_the_same_text() -> None:
    stage = Stage()

    streamed = await stage.post("/api/chat", hello(seed=3))
    whole = await stage.post("/api/chat", hello(seed=3, stream=False))

    assert whole.json["message"]["content"] == streamed.text


@played
async def test_an_answer_in_one_piece_takes_its_time() -> None:
    stage = Stage(tokens_per_second=10)

    reply = await stage.post("/api/chat", hello(sim_tokens=5, stream=False))

    assert reply.times == [0.5]
    assert reply.json["eval_count"] == 5


@played
async def test_an_answer_ends_at_the_limit_a_request_sets() -> None:
    reply = await Stage().post("/api/chat", hello(num_predict=3))

    assert len(reply.lines) == 4
    assert reply.lines[-1]["done_reason"] == "length"


@played
async def test_an_answer_without_a_limit_ends_after_ten_contexts() -> None:
    reply = await Stage().post("/api/chat", hello(num_ctx=8, temperature=0))

    assert reply.lines[-1]["eval_count"] == 80


@pytest.mark.parametrize("more", [{}, {"num_predict": 50}])
@played
async def test_without_shift_an_answer_ends_where_the_context_does(
    more: dict[str, int],
) -> None:
    body = hello(num_ctx=20, temperature=0, shift=False, **more)

    last = (await Stage().post("/api/chat", body)).lines[-1]

    assert last["prompt_eval_count"] + last["eval_count"] == 20
    assert last["done_reason"] == "length"


@played
async def test_without_shift_a_prompt_that_fills_the_context_has_an_answer() -> None:
    body = hello(num_ctx=4, temperature=0, shift=False)

    last = (await Stage().post("/api/chat", body)).lines[-1]

    assert (last["prompt_eval_count"], last["eval_count"]) == (4, 1)


@pytest.mark.parametrize("streamed", [True, False])
@played
async def test_a_stop_sequence_ends_the_text_before_it(*, streamed: bool) -> None:
    stage = Stage()
    whole = (await stage.post("/api/chat", hello(sim_tokens=40))).text
    stop = whole[20:24]

    reply = await stage.post(
        "/api/chat", hello(sim_tokens=40, stop=[stop], stream=streamed)
    )

    text = reply.text if streamed else reply.json["message"]["content"]
    assert text == whole[: whole.index(stop)]


@played
async def test_text_held_back_for_a_stop_sequence_is_sent_at_the_end() -> None:
    stage = Stage()
    whole = (await stage.post("/api/chat", hello(seed=7))).text

    reply = await stage.post("/api/chat", hello(seed=7, stop=[".never"]))

    assert reply.text == whole


@played
async def test_json_is_answered_where_it_is_asked_for() -> None:
    reply = await Stage().post("/api/chat", hello(format="json"))

    assert isinstance(json.loads(reply.text), dict)


@played
async def test_a_bad_schema_is_an_error_of_ollama() -> None:
    reply = await Stage().post("/api/chat", hello(format={"type": "strange"}))

    assert (reply.status, reply.json) == (
        500,
        {"error": "invalid JSON schema in format"},
    )


@played
async def test_a_caller_who_leaves_in_mid_stream_stops_the_generation() -> None:
    stage = Stage(tokens_per_second=10)
    caller = stage.start("/api/chat", hello(sim_tokens=100))
    await asyncio.sleep(0.55)

    caller.leave()
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    record = (await stage.records())[-1]
    assert (record["state"], record["tokens_sent"]) == ("client_closed", 5)
    stats = await stage.stats()
    assert stats["generations"]["cancelled"]["total"] == 1
    assert stats["active"] == {}


@pytest.mark.parametrize("silence", ["load", "slot", "prompt", "hang", "whole"])
@played
async def test_a_caller_who_leaves_while_nothing_is_sent_is_noticed(
    silence: str,
) -> None:
    stage = Stage(
        load_seconds=9 if silence == "load" else 0,
        first_token_seconds=9 if silence == "prompt" else 0,
        tokens_per_second=1,
    )
    if silence == "slot":
        await stage.start("/api/chat", hello(sim_tokens=60)).first_write()
    options = {"sim_fault": "hang"} if silence == "hang" else {}
    body = hello(**options, stream=silence != "whole")
    caller = stage.start("/api/chat", body)
    await asyncio.sleep(0.5)
    assert not caller.writes

    before = now()
    caller.leave()
    await asyncio.sleep(0.001)

    record = (await stage.records())[-1]
    assert (record["state"], record["tokens_sent"]) == ("client_closed", 0)
    assert now() - before < 0.01


@played
async def test_a_killed_runner_fails_all_its_answers_and_those_in_line() -> None:
    stage = Stage(tokens_per_second=10, num_parallel=2)
    crashing = stage.start("/api/chat", hello(sim_fault="crash", sim_after_tokens=5))
    other = stage.start("/api/chat", hello(sim_tokens=50))
    in_line = stage.start("/api/chat", hello(sim_tokens=50))

    replies = [await each.reply() for each in (crashing, other, in_line)]

    crash = "an error was encountered while running the model: unexpected EOF"
    assert replies[0].lines[-1] == {"error": crash}
    assert replies[1].lines[-1] == {"error": crash}
    assert replies[2].status == 500
    assert "unexpectedly stopped" in replies[2].json["error"]
    assert (await stage.post("/api/chat", hello(num_predict=1))).status == 200


@played
async def test_a_request_can_set_its_own_pace() -> None:
    stage = Stage(tokens_per_second=1)

    reply = await stage.post(
        "/api/chat", hello(num_predict=2, sim_tokens_per_second=100)
    )

    assert reply.times[:2] == [0.01, 0.02]


@played
async def test_a_thinking_model_calls_a_tool_after_its_thoughts() -> None:
    tool = {"type": "function", "function": {"name": "now", "parameters": {}}}

    reply = await Stage().post("/api/chat", hello("qwen3:0.6b", tools=[tool]))

    messages = [line["message"] for line in reply.lines]
    assert messages[0]["thinking"] == "Let"
    assert messages[-2]["tool_calls"][0]["function"]["name"] == "now"
    assert reply.lines[-1]["done_reason"] == "stop"
