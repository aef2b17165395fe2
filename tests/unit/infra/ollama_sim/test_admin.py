import pytest

from tests.unit.infra.ollama_sim.stage import Stage, hello, played


@played
async def test_settings_are_changed_while_it_runs() -> None:
    stage = Stage()

    await stage.put("/_sim/config", {"tokens_per_second": 5, "models": ["tiny-chat"]})
    reply = await stage.post("/api/chat", hello(num_predict=1))

    assert reply.times[0] == 0.2
    tags = (await stage.get("/api/tags")).json["models"]
    assert [model["name"] for model in tags] == ["tiny-chat:latest"]


@pytest.mark.parametrize(
    "config", [{"colour": "red"}, {"port": 1}, {"load_seconds": "long"}, []]
)
@played
async def test_a_setting_that_is_wrong_changes_nothing(config: object) -> None:
    stage = Stage()

    reply = await stage.put("/_sim/config", config)

    assert reply.status == 400
    assert stage.sim.settings == stage.sim.initial


@played
async def test_a_reset_makes_it_as_new() -> None:
    stage = Stage(pull_seconds=0)
    await stage.put("/_sim/config", {"load_seconds": 5})
    await stage.put("/_sim/faults", {"mode": "hang", "model": "x"})
    await stage.post("/api/chat", hello())
    await stage.post("/api/pull", {"model": "llama3.2:1b"})

    await stage.post("/_sim/reset", None)

    assert await stage.records() == []
    assert stage.sim.settings == stage.sim.initial
    assert stage.sim.faults.all == []
    stats = await stage.stats()
    assert (stats["loads"], stats["loaded"], stats["requests"]) == ({}, [], {})
    assert not stage.sim.catalogue.has("llama3.2:1b")


@played
async def test_what_is_asked_of_the_simulator_itself_is_not_recorded() -> None:
    stage = Stage()

    await stage.stats()

    assert await stage.records() == []
