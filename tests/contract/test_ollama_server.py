"""The simulator as a process: what only real sockets and signals can show."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.ollama_server import PROGRAM, OllamaServer

HELLO = {"model": "tiny-chat", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture(scope="module")
def server() -> Iterator[OllamaServer]:
    with OllamaServer.start(num_parallel=8) as running:
        yield running


@pytest.fixture
def ollama(server: OllamaServer) -> OllamaServer:
    server.reset()
    return server


def test_a_socket_that_closes_before_the_head_is_noticed_at_once(
    ollama: OllamaServer,
) -> None:
    ollama.set_fault("tiny-chat", "hang")
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{ollama.url}/api/chat", json=HELLO, timeout=0.2)
    left_at = time.time()

    record = ollama.wait_for(lambda found: found[-1]["state"] != "open")[-1]

    assert record["state"] == "client_closed"
    assert abs(record["closed_at"] - left_at) < 0.5


def test_a_stream_that_a_caller_leaves_ends(ollama: OllamaServer) -> None:
    ollama.configure(tokens_per_second=50)
    with httpx.stream("POST", f"{ollama.url}/api/chat", json=HELLO) as response:
        next(response.iter_lines())

    ollama.wait_for(lambda found: found[-1]["state"] == "client_closed")

    assert ollama.stats()["generations"]["cancelled"]["total"] == 1


def test_a_dropped_stream_is_an_error_of_the_transport(ollama: OllamaServer) -> None:
    ollama.set_fault("tiny-chat", "drop", count=1)

    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(f"{ollama.url}/api/chat", json=HELLO)

    assert httpx.post(f"{ollama.url}/api/chat", json=HELLO).is_success


def test_a_fault_can_be_cleared(ollama: OllamaServer) -> None:
    ollama.set_fault("tiny-chat", "busy")
    ollama.clear_faults()

    assert httpx.post(f"{ollama.url}/api/chat", json=HELLO).is_success
    assert len(ollama.requests(path="/api/chat", state="done")) == 1


def test_many_callers_at_once_are_answered(ollama: OllamaServer) -> None:
    statuses: list[int] = []

    def call() -> None:
        with httpx.Client(base_url=ollama.url) as client:
            for _ in range(10):
                statuses.append(client.post("/api/chat", json=HELLO).status_code)  # noqa: PERF401

    threads = [threading.Thread(target=call) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [200] * 100
    assert ollama.stats()["requests"] == {"/api/chat": 100}


def test_a_killed_server_comes_back_on_its_port_and_ends_on_a_signal() -> None:
    with OllamaServer.start(models="tiny-chat") as ollama:
        ollama.kill()
        with pytest.raises(httpx.ConnectError):
            ollama.stats()

        ollama.restart()

        assert httpx.get(f"{ollama.url}/api/version").json() == {
            "version": "0.24.0-sim"
        }


def test_a_paused_server_answers_once_it_goes_on(ollama: OllamaServer) -> None:
    ollama.pause()
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(ollama.url, timeout=0.1)

    ollama.resume()

    assert httpx.get(ollama.url).is_success


def test_the_command_lists_the_models_of_a_running_server(ollama: OllamaServer) -> None:
    def listing(port: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, PROGRAM, "list", f"--port={port}"],
            capture_output=True,
            text=True,
            check=False,
        )

    there, nowhere = listing(ollama.url.rpartition(":")[2]), listing("1")

    assert there.returncode == 0
    assert "tiny-chat:latest" in there.stdout
    assert nowhere.returncode == 1
