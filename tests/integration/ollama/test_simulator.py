"""The client against the simulator: every fault has its error, every cancel arrives."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from tests.integration.ollama.exchanges import PATIENT, Submit
from tests.ollama_server import OllamaServer
from worker.ollama import errors
from worker.ollama.abort import AbortSwitch, ExchangeAbortedError
from worker.ollama.client import OllamaClient
from worker.ollama.deadlines import Deadlines
from worker.ollama.exchange import Exchange

HASTY = Deadlines(first_token_seconds=0.2, silence_seconds=0.2, attempt_seconds=30)


@pytest.fixture(scope="module")
def simulator() -> Iterator[OllamaServer]:
    with OllamaServer.start(num_parallel=8) as simulator:
        yield simulator


@pytest.fixture
def ollama(simulator: OllamaServer) -> Iterator[OllamaClient]:
    simulator.reset()
    client = OllamaClient(simulator.url)
    yield client
    client.close()


def chat(
    client: OllamaClient,
    deadlines: Deadlines = PATIENT,
    switch: AbortSwitch | None = None,
    **options: Any,
) -> Exchange:
    body = {
        "model": "tiny-chat",
        "messages": [{"role": "user", "content": "Hello"}],
        "stream": True,
        "options": options,
    }
    text = orjson.dumps(body)
    return client.open("/api/chat", text, deadlines=deadlines, switch=switch)


def collect(exchange: Exchange) -> list[dict[str, Any]]:
    with exchange:
        return [line for lines in exchange for line in lines]


def test_an_answer_has_all_its_tokens(ollama: OllamaClient) -> None:
    lines = collect(chat(ollama, sim_tokens=50))

    assert len(lines) == 51
    assert lines[-1]["done_reason"] == "stop"
    assert lines[-1]["eval_count"] == 50


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"sim_fault": "error", "sim_text": "odd"}, errors.OllamaError),
        ({"sim_fault": "busy"}, errors.ServerBusyError),
        ({"sim_fault": "out_of_memory"}, errors.NodeOutOfMemoryError),
        ({"sim_fault": "hang", "sim_after_tokens": 0}, errors.FirstTokenTimeoutError),
        ({"sim_fault": "hang", "sim_after_tokens": 3}, errors.StalledError),
        ({"sim_fault": "drop"}, errors.StreamCutError),
        ({"sim_fault": "cut"}, errors.StreamCutError),
        ({"sim_fault": "malformed"}, errors.MalformedAnswerError),
        ({"sim_fault": "mid_stream_error", "sim_text": "odd"}, errors.OllamaError),
        ({"sim_fault": "crash"}, errors.RunnerCrashedError),
    ],
)
def test_every_fault_has_its_error(
    ollama: OllamaClient, fault: dict[str, Any], kind: type[errors.OllamaError]
) -> None:
    with pytest.raises(errors.OllamaError) as caught:
        collect(chat(ollama, HASTY, sim_tokens=20, **fault))

    assert type(caught.value) is kind
    assert caught.value.retryable


def test_a_slow_answer_ends_with_its_attempt(ollama: OllamaClient) -> None:
    deadlines = Deadlines(30, 30, attempt_seconds=0.3)

    with pytest.raises(errors.AttemptTimeoutError):
        collect(chat(ollama, deadlines, sim_tokens=1000, sim_tokens_per_second=50))


def test_a_wedged_load_is_a_load_timeout(
    ollama: OllamaClient, simulator: OllamaServer
) -> None:
    simulator.set_fault("tiny-chat", "wedged_load", count=1)

    with pytest.raises(errors.LoadTimeoutError):
        ollama.load("tiny-chat", keep_alive=None, options={}, limits=HASTY, shift=False)


@pytest.mark.parametrize("after_tokens", [0, 5])
def test_a_cancel_stops_the_generation_while_ollama_is_silent(
    ollama: OllamaClient,
    simulator: OllamaServer,
    in_thread: Submit,
    after_tokens: int,
) -> None:
    switch = AbortSwitch()
    exchange = chat(
        ollama, switch=switch, sim_fault="hang", sim_after_tokens=after_tokens
    )
    future = in_thread(collect, exchange)
    simulator.wait_for(
        lambda found: any(
            r["path"] == "/api/chat" and r["tokens_sent"] == after_tokens for r in found
        )
    )
    switch.abort("cancelled")

    with pytest.raises(ExchangeAbortedError):
        future.result(timeout=10)
    simulator.wait_for(lambda found: found[-1]["state"] == "client_closed")


@pytest.mark.parametrize(
    ("model", "is_embedding"), [("tiny-chat", False), ("tiny-embed", True)]
)
def test_a_model_is_loaded_and_unloaded(
    ollama: OllamaClient, model: str, *, is_embedding: bool
) -> None:
    ollama.load(
        model,
        keep_alive=-1,
        options={},
        limits=PATIENT,
        shift=False,
        is_embedding=is_embedding,
    )
    loaded = [m.name for m in ollama.ps()]
    ollama.unload(model)

    assert loaded == [f"{model}:latest"]
    assert ollama.ps() == []


def test_a_model_is_pulled(ollama: OllamaClient) -> None:
    with ollama.pull("new:1b", deadlines=PATIENT) as exchange:
        statuses = [line["status"] for lines in exchange for line in lines]

    assert statuses[0] == "pulling manifest"
    assert statuses[-1] == "success"
    assert "new:1b" in {model.name for model in ollama.tags()}


def test_a_model_that_no_registry_has_cannot_be_pulled(ollama: OllamaClient) -> None:
    with pytest.raises(errors.ModelMissingError):
        collect(ollama.pull("missing", deadlines=PATIENT))


def test_many_streams_at_once_share_one_client(
    ollama: OllamaClient, in_thread: Submit
) -> None:
    futures = [in_thread(collect, chat(ollama, sim_tokens=20)) for _ in range(32)]

    assert [len(future.result(timeout=30)) for future in futures] == [21] * 32
