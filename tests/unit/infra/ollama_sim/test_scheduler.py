import asyncio
from typing import Any

from tests.unit.infra.ollama_sim.stage import Caller, Reply, Stage, hello, now, played

TEN_TOKENS: dict[str, Any] = {"sim_tokens": 10}


async def all_of(*callers: Caller) -> list[Reply]:
    return list(await asyncio.gather(*(caller.reply() for caller in callers)))


async def loaded(stage: Stage) -> list[str]:
    names = [m["name"] for m in (await stage.get("/api/ps")).json["models"]]
    return sorted(name.removesuffix(":latest") for name in names)


def chat(stage: Stage, model: str = "tiny-chat", **fields: Any) -> Caller:
    return stage.start("/api/chat", hello(model, **fields))


@played
async def test_requests_for_one_slot_are_served_one_after_the_other() -> None:
    stage = Stage(tokens_per_second=10)
    callers = [chat(stage, **TEN_TOKENS) for _ in range(3)]

    replies = await all_of(*callers)

    assert [reply.times[0] for reply in replies] == [0.1, 1.1, 2.1]
    assert (await stage.stats())["max_concurrent"] == {"tiny-chat:latest": 1}


@played
async def test_as_many_requests_run_at_once_as_there_are_slots() -> None:
    stage = Stage(tokens_per_second=10, num_parallel=4)

    replies = await all_of(*(chat(stage, **TEN_TOKENS) for _ in range(5)))

    assert [reply.times[0] for reply in replies] == [0.1, 0.1, 0.1, 0.1, 1.1]


@played
async def test_an_embedding_model_has_one_slot() -> None:
    stage = Stage(num_parallel=4)
    await stage.post("/api/embed", {"model": "tiny-embed", "input": "a"})

    assert stage.sim.scheduler.loaded["tiny-embed:latest"].free_slots == 1


def embed(stage: Stage, *texts: str) -> Caller:
    return stage.start("/api/embed", {"model": "tiny-embed", "input": list(texts)})


@played
async def test_the_texts_of_embedding_calls_take_their_time_in_the_one_slot() -> None:
    stage = Stage(embed_call_seconds=0.5, embed_text_seconds=0.1, num_parallel=4)

    replies = await all_of(embed(stage, "a", "b", "c"), embed(stage, "d"))

    assert [reply.times[0] for reply in replies] == [0.8, 1.4]


@played
async def test_an_embedding_whose_caller_leaves_frees_the_slot() -> None:
    stage = Stage(embed_call_seconds=0, embed_text_seconds=1)
    gone, other = embed(stage, *"abcdefghij"), embed(stage, "x")
    await asyncio.sleep(2)
    gone.leave()

    assert (await other.reply()).times == [3.0]
    assert (await stage.stats())["generations"]["cancelled"]["total"] == 1


@played
async def test_the_queue_of_a_loaded_model_has_no_bound() -> None:
    stage = Stage(tokens_per_second=10, max_queue=2)
    await chat(stage, num_predict=1).reply()

    replies = await all_of(*(chat(stage, num_predict=1) for _ in range(20)))

    assert {reply.status for reply in replies} == {200}


@played
async def test_too_many_that_wait_for_a_load_are_turned_away() -> None:
    stage = Stage(load_seconds=1, max_queue=2)

    replies = await all_of(*(chat(stage, num_predict=1) for _ in range(5)))

    assert [reply.status for reply in replies] == [200, 200, 200, 503, 503]
    text = "server busy, please try again.  maximum pending requests exceeded"
    assert replies[4].json == {"error": text}


@played
async def test_loads_happen_one_after_the_other() -> None:
    stage = Stage(load_seconds=1)

    replies = await all_of(chat(stage), chat(stage, "tiny-tools"))

    assert [reply.times[0] for reply in replies] == [1, 2]


@played
async def test_room_is_made_by_the_idle_model_that_would_go_first() -> None:
    stage = Stage(max_loaded_models=2)
    await chat(stage, "tiny-chat", keep_alive=60).reply()
    await chat(stage, "tiny-tools", keep_alive=30).reply()

    await chat(stage, "tiny-think").reply()

    assert await loaded(stage) == ["tiny-chat", "tiny-think"]


@played
async def test_a_load_waits_for_a_busy_model_and_holds_up_those_behind() -> None:
    stage = Stage(max_loaded_models=1, tokens_per_second=10)
    busy = chat(stage, **TEN_TOKENS)
    await busy.first_write()

    waiting = [chat(stage, "tiny-tools"), chat(stage, "tiny-think")]
    replies = await all_of(busy, *waiting)

    assert replies[0].times[-1] == 1
    assert replies[1].times[0] == 1.1
    assert replies[2].times[0] > replies[1].times[-1]


@played
async def test_what_does_not_fit_beside_the_others_takes_their_memory() -> None:
    stage = Stage(vram_mb=1200)
    await chat(stage).reply()
    await stage.post("/api/embed", {"model": "nomic-embed-text", "input": "a"})
    assert await loaded(stage) == ["nomic-embed-text", "tiny-chat"]

    await chat(stage, "qwen3:0.6b").reply()

    assert "qwen3:0.6b" in await loaded(stage)
    assert "nomic-embed-text" not in await loaded(stage)


@played
async def test_what_is_too_large_alone_spills_out_of_the_gpu() -> None:
    stage = Stage(vram_mb=100)
    await chat(stage, "qwen3:0.6b").reply()

    model = (await stage.get("/api/ps")).json["models"][0]

    assert model["size_vram"] == 100 * 1024**2 < model["size"]


@played
async def test_a_model_is_unloaded_when_nobody_asked_for_it_for_its_keep_alive() -> (
    None
):
    stage = Stage()
    await chat(stage, keep_alive="10s").reply()

    await asyncio.sleep(9)
    await chat(stage).reply()
    await asyncio.sleep(9)
    assert await loaded(stage) == ["tiny-chat"]

    await asyncio.sleep(2)
    assert await loaded(stage) == []


@played
async def test_keep_alive_zero_unloads_after_the_answer() -> None:
    stage = Stage()

    await chat(stage, keep_alive=0).reply()

    assert await loaded(stage) == []


@played
async def test_a_negative_keep_alive_is_for_ever() -> None:
    stage = Stage()
    await chat(stage, keep_alive=-1).reply()

    await asyncio.sleep(1e6)

    model = (await stage.get("/api/ps")).json["models"][0]
    assert int(model["expires_at"][:4]) > 2300


@played
async def test_another_context_reloads_the_model_once_it_is_idle() -> None:
    stage = Stage(load_seconds=1, tokens_per_second=10)
    first = chat(stage, **TEN_TOKENS)
    await first.first_write()

    second = await chat(stage, num_ctx=1024, num_predict=1).reply()

    assert second.times[0] == 1 + 1 + 1 + 0.1
    stats = await stage.stats()
    assert stats["loads"] == {"tiny-chat:latest": 2}
    assert stats["unloads"] == {"tiny-chat:latest": 1}


@played
async def test_another_shift_reloads_the_model_and_the_same_does_not() -> None:
    stage = Stage(load_seconds=1)
    load = {"model": "tiny-chat", "shift": False}
    for body in (load, load | {"prompt": "Hello"}):
        await stage.post("/api/generate", body)
    await stage.post("/api/chat", hello(shift=False, num_predict=1))
    await stage.post("/api/embed", load | {"input": "Hello"})
    assert (await stage.stats())["loads"] == {"tiny-chat:latest": 1}

    await stage.post("/api/chat", hello(num_predict=1))

    assert (await stage.stats())["loads"] == {"tiny-chat:latest": 2}


@played
async def test_a_caller_who_leaves_the_queue_for_a_load_is_skipped() -> None:
    stage = Stage(load_seconds=1)
    first, leaver = chat(stage, "tiny-chat"), chat(stage, "tiny-tools")
    last = chat(stage, "tiny-think")
    await asyncio.sleep(0.5)

    leaver.leave()
    replies = await all_of(first, last)

    assert [reply.times[0] for reply in replies] == [1, 2]
    assert await loaded(stage) == ["tiny-chat", "tiny-think"]


@played
async def test_a_load_ends_with_the_caller_it_is_for() -> None:
    stage = Stage(load_seconds=10)
    leaver, next_one = chat(stage, "tiny-chat"), chat(stage, "tiny-tools")
    await asyncio.sleep(1)

    leaver.leave()
    await next_one.reply()

    assert now() == 11
    assert await loaded(stage) == ["tiny-tools"]


@played
async def test_a_caller_who_leaves_the_queue_for_a_slot_is_skipped() -> None:
    stage = Stage(tokens_per_second=10)
    first, leaver, last = (chat(stage, **TEN_TOKENS) for _ in range(3))
    await asyncio.sleep(0.5)

    leaver.leave()
    replies = await all_of(first, last)

    assert replies[1].times[0] == 1.1


@played
async def test_a_slot_given_to_a_caller_who_just_left_goes_to_the_next() -> None:
    stage = Stage()
    await chat(stage).reply()
    runner = stage.sim.scheduler.loaded["tiny-chat:latest"]
    await runner.take_slot()
    leaver = asyncio.create_task(runner.take_slot())
    last = asyncio.create_task(runner.take_slot())
    await asyncio.sleep(0)

    runner.free_slot()
    leaver.cancel()
    await last

    assert runner.active == 1


@played
async def test_an_empty_chat_loads_and_unloads() -> None:
    stage = Stage(load_seconds=1)
    empty = {"model": "tiny-chat", "messages": []}

    load = await stage.post("/api/chat", empty)
    assert (load.json["done_reason"], load.times[0]) == ("load", 1)
    assert await loaded(stage) == ["tiny-chat"]

    unload = await stage.post("/api/chat", {**empty, "keep_alive": 0})
    assert unload.json["done_reason"] == "unload"
    assert await loaded(stage) == []
