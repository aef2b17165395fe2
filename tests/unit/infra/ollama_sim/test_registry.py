import asyncio

import pytest

from tests.unit.infra.ollama_sim.stage import Stage, hello, played


@played
async def test_a_pull_tells_its_progress_and_installs_the_model() -> None:
    stage = Stage(pull_seconds=0.6)

    reply = await stage.post("/api/pull", {"model": "llama3.2:1b"})

    statuses = [line["status"] for line in reply.lines]
    assert statuses[0] == "pulling manifest"
    assert statuses[-3:] == ["verifying sha256 digest", "writing manifest", "success"]
    weights = [line for line in reply.lines if line.get("total", 0) > 1e6]
    digest = weights[0]["digest"].removeprefix("sha256:")
    assert {line["status"] for line in weights} == {f"pulling {digest[:12]}"}
    completed = [line.get("completed", 0) for line in weights]
    assert completed == sorted(completed)
    assert completed[0] == 0
    assert completed[-1] == weights[0]["total"]
    assert 0.6 <= reply.times[-1] < 0.7
    assert (await stage.post("/api/chat", hello("llama3.2:1b"))).status == 200


@played
async def test_a_pull_ends_with_its_caller_and_goes_on_where_it_was() -> None:
    stage = Stage(pull_seconds=1)
    caller = stage.start("/api/pull", {"model": "llama3.2:1b"})
    await asyncio.sleep(0.5)
    caller.leave()
    await asyncio.sleep(10)
    assert not stage.sim.catalogue.has("llama3.2:1b")
    assert (await stage.records())[-1]["state"] == "client_closed"

    reply = await stage.post("/api/pull", {"model": "llama3.2:1b"})

    assert reply.lines[1]["completed"] > 0.4 * reply.lines[1]["total"]
    assert reply.times[-1] - reply.times[0] < 0.7


@played
async def test_a_pull_of_what_is_there_is_quick() -> None:
    stage = Stage(pull_seconds=100)

    reply = await stage.post("/api/pull", {"model": "qwen3:0.6b"})

    assert reply.lines[-1] == {"status": "success"}
    assert reply.times[-1] == 0


@pytest.mark.parametrize("name", ["missing", "missing-model:7b", "nope"])
@played
async def test_a_model_that_no_registry_has_is_an_error(name: str) -> None:
    stage = Stage()
    error = {"error": "pull model manifest: file does not exist"}

    streamed = await stage.post("/api/pull", {"model": name})
    whole = await stage.post("/api/pull", {"model": name, "stream": False})

    assert (streamed.status, streamed.lines[-1]) == (200, error)
    assert (whole.status, whole.json) == (500, error)


@pytest.mark.parametrize(
    ("mode", "whole", "last"),
    [
        ("drop", False, "pulling"),
        ("cut", True, "pulling"),
        ("mid_stream_error", True, "error"),
    ],
)
@played
async def test_a_pull_can_break_in_its_middle(
    mode: str, *, whole: bool, last: str
) -> None:
    stage = Stage()
    fault = {"mode": mode, "path": "/api/pull", "after_tokens": 2, "count": 1}
    await stage.put("/_sim/faults", fault)

    reply = await stage.post("/api/pull", {"model": "llama3.2:1b"})

    assert reply.whole is whole
    assert last in reply.body.splitlines()[-1].decode()


@played
async def test_a_push_needs_a_namespace() -> None:
    stage = Stage()
    await stage.post(
        "/api/copy", {"source": "tiny-chat", "destination": "ada/tiny-chat"}
    )

    refused = await stage.post("/api/push", {"model": "tiny-chat"})
    done = await stage.post("/api/push", {"model": "ada/tiny-chat"})

    assert "not authorized" in refused.lines[-1]["error"]
    assert done.lines[-1] == {"status": "success"}
