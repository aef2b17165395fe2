import asyncio
import re
from typing import Any

import pytest
from ollama_sim.errors import BUSY, OUT_OF_MEMORY
from ollama_sim.faults import Fault, Mode

from tests.unit.infra.ollama_sim.stage import Reply, Stage, hello, played

NO_JSON = re.compile("Invalid|Unterminated")


async def set_fault(stage: Stage, mode: str, **fields: Any) -> None:
    reply = await stage.put("/_sim/faults", {"mode": mode, **fields})
    assert reply.status == 200


async def chat(stage: Stage, model: str = "tiny-chat", **fields: Any) -> Reply:
    return await stage.post("/api/chat", hello(model, **fields))


@played
async def test_an_error_has_the_status_and_the_text_that_were_set() -> None:
    stage = Stage()
    await set_fault(stage, "error", status=418, text="no tea")

    reply = await chat(stage)

    assert (reply.status, reply.json) == (418, {"error": "no tea"})


@played
async def test_busy_and_out_of_memory_have_the_texts_of_ollama() -> None:
    stage = Stage()

    busy = await chat(stage, "tiny-chat:fault-busy")
    full = await chat(stage, "tiny-chat:fault-out_of_memory")

    assert (busy.status, busy.json) == (503, {"error": BUSY})
    assert (full.status, full.json) == (500, {"error": OUT_OF_MEMORY})


@played
async def test_a_wedged_load_holds_up_all_behind_it_until_the_time_limit() -> None:
    stage = Stage(load_timeout_seconds=60)
    wedged = stage.start("/api/chat", hello("tiny-chat:fault-wedged_load"))
    behind = stage.start("/api/chat", hello("tiny-tools"))

    replies = [await wedged.reply(), await behind.reply()]

    assert replies[0].status == 500
    assert "timed out waiting for llama runner" in replies[0].json["error"]
    assert [reply.times[0] for reply in replies] == [60, 60]


@played
async def test_a_hang_is_silent_for_its_time() -> None:
    stage = Stage()

    before_head = await chat(stage, sim_fault="hang", sim_seconds=5)
    started = before_head.times[0]
    in_stream = await chat(
        stage, sim_fault="hang", sim_seconds=5, sim_after_tokens=2, sim_tokens=4
    )

    assert started == 5
    assert in_stream.times == [5, 10]
    assert len(in_stream.lines) == 5


@played
async def test_a_hang_without_a_time_never_ends_and_keeps_the_slot() -> None:
    stage = Stage()
    hanging = stage.start("/api/chat", hello(sim_fault="hang"))
    second = stage.start("/api/chat", hello(num_predict=1))

    await asyncio.sleep(10_000)
    assert not hanging.writes
    assert not second.writes

    hanging.leave()
    assert (await second.reply()).status == 200


@played
async def test_a_slow_answer_takes_longer_for_each_token() -> None:
    reply = await chat(Stage(), sim_fault="slow", sim_seconds=2, sim_tokens=3)

    assert reply.times == [2, 4, 6, 6]


@played
async def test_a_dropped_stream_has_no_end() -> None:
    reply = await chat(Stage(), sim_fault="drop", sim_after_tokens=2)

    assert not reply.whole
    assert len(reply.lines) == 2


@played
async def test_a_connection_can_be_dropped_before_the_head() -> None:
    reply = await chat(Stage(), sim_fault="drop", sim_after_tokens=0)

    assert not reply.head


@played
async def test_a_cut_stream_ends_cleanly_without_done() -> None:
    reply = await chat(Stage(), "tiny-chat:fault-cut-5")

    assert reply.whole
    assert [line["done"] for line in reply.lines] == [False] * 5


@played
async def test_a_malformed_line_is_followed_by_the_rest() -> None:
    reply = await chat(Stage(), "tiny-chat:fault-malformed", sim_tokens=5)

    lines = reply.body.splitlines()
    assert len(lines) == 7
    with pytest.raises(ValueError, match=NO_JSON):
        _ = reply.lines


@played
async def test_a_mid_stream_error_is_the_last_line() -> None:
    reply = await chat(Stage(), sim_fault="mid_stream_error", sim_text="oh")

    assert reply.status == 200
    assert reply.lines[-1] == {"error": "oh"}
    assert len(reply.lines) == 4


@pytest.mark.parametrize("mode", ["mid_stream_error", "crash"])
@played
async def test_an_answer_in_one_piece_fails_as_a_whole(mode: str) -> None:
    reply = await chat(Stage(), sim_fault=mode, stream=False)

    assert reply.status == 500
    assert list(reply.json) == ["error"]


@pytest.mark.parametrize("mode", ["cut", "malformed"])
@played
async def test_an_answer_in_one_piece_can_be_no_json(mode: str) -> None:
    reply = await chat(Stage(), sim_fault=mode, stream=False)

    with pytest.raises(ValueError, match=NO_JSON):
        _ = reply.json


@played
async def test_a_fault_happens_before_the_last_line_at_the_latest() -> None:
    reply = await chat(Stage(), sim_fault="cut", sim_after_tokens=99, sim_tokens=2)

    assert [line["done"] for line in reply.lines] == [False, False]


@played
async def test_a_fault_with_a_count_happens_so_many_times() -> None:
    stage = Stage()
    await set_fault(stage, "error", model="tiny-chat", count=2)

    statuses = [(await chat(stage)).status for _ in range(3)]

    assert statuses == [500, 500, 200]


@played
async def test_a_fault_happens_to_its_model_only() -> None:
    stage = Stage()
    await set_fault(stage, "error", model="tiny-tools")

    assert (await chat(stage)).status == 200
    assert (await chat(stage, "tiny-tools")).status == 500


@played
async def test_a_fault_of_a_path_happens_there_only() -> None:
    stage = Stage()
    await set_fault(stage, "error", path="/api/tags", status=502)

    assert (await stage.get("/api/tags")).status == 502
    assert (await stage.get("/api/ps")).status == 200
    assert (await chat(stage)).status == 200


@pytest.mark.parametrize("mode", ["drop", "cut", "hang", "slow", "busy"])
@played
async def test_any_path_can_fail_in_each_way(mode: str) -> None:
    stage = Stage()
    await set_fault(stage, mode, path="/api/tags", seconds=3)

    reply = await stage.get("/api/tags")

    seen = (reply.status, reply.whole, reply.times[:1], b"models" in reply.body)
    assert (
        seen
        == {
            "drop": (0, False, [], False),
            "cut": (200, True, [0], False),
            "hang": (200, True, [3], True),
            "slow": (200, True, [3], True),
            "busy": (503, True, [0], False),
        }[mode]
    )


@played
async def test_an_embedding_can_fail_too() -> None:
    stage = Stage()
    await set_fault(stage, "error", model="tiny-embed", count=1)
    body = {"model": "tiny-embed", "input": "a"}

    statuses = [(await stage.post("/api/embed", body)).status for _ in range(2)]

    assert statuses == [500, 200]


@played
async def test_a_fault_is_left_for_a_request_to_which_it_can_happen() -> None:
    stage = Stage()
    await set_fault(stage, "drop", count=1)
    load = await stage.post("/api/chat", {"model": "tiny-chat", "messages": []})
    assert load.status == 200
    assert not (await chat(stage)).whole

    await set_fault(stage, "out_of_memory", count=1)
    assert (await chat(stage)).status == 200  # it is loaded
    assert (await chat(stage, "tiny-tools")).status == 500


@played
async def test_faults_are_listed_replaced_and_removed() -> None:
    stage = Stage()
    await set_fault(stage, "hang", model="tiny-chat")
    await set_fault(stage, "hang", model="tiny-chat", seconds=1)
    listed = (await stage.get("/_sim/faults")).json["faults"]
    assert [(f["mode"], f["seconds"]) for f in listed] == [("hang", 1)]

    await stage.put("/_sim/faults", [{"mode": "busy"}, {"mode": "error"}])
    assert [fault.mode for fault in stage.sim.faults.all] == [Mode.BUSY, Mode.ERROR]

    await stage.start("/_sim/faults", None, "DELETE").reply()
    assert (await chat(stage)).status == 200


@pytest.mark.parametrize("fault", [{"mode": "strange"}, {"mood": "hang"}, 5])
@played
async def test_a_fault_that_does_not_exist_is_refused(fault: Any) -> None:
    assert (await Stage().put("/_sim/faults", fault)).status == 400


def test_a_probability_draws_the_same_requests_from_the_same_seed() -> None:
    drawn = [
        [Fault(Mode.ERROR, probability=0.3, seed=seed).spend() for _ in range(1)]
        + [fault.spend() for fault in [Fault(Mode.ERROR, seed=seed)] * 3]
        for seed in (1, 1)
    ]
    fault = Fault(Mode.ERROR, probability=0.3, seed=4)
    happened = sum(fault.spend() for _ in range(1000))

    assert drawn[0] == drawn[1]
    assert 250 < happened < 350
