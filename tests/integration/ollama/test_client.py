"""What the client asks, and what it makes of the answers."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.wire_server import WireServer, answer, json_answer, stream_answer
from tests.integration.ollama.exchanges import PATIENT, Submit
from worker.ollama import client as client_module
from worker.ollama.abort import AbortSwitch, ExchangeAbortedError
from worker.ollama.client import OllamaClient
from worker.ollama.deadlines import Deadlines
from worker.ollama.errors import (
    LoadTimeoutError,
    MalformedAnswerError,
    ModelMissingError,
    ServerBusyError,
    StalledError,
    StreamCutError,
    UpstreamUnavailableError,
)


def ask(
    server: WireServer, in_thread: Submit, data: bytes, call: Callable[[], Any]
) -> tuple[str, Any, Any]:
    """Answer the call; give its request line, its body and what it returned."""
    future = in_thread(call)
    peer = server.accept()
    first, _, body = peer.read_request()
    peer.send(data)
    result = future.result(timeout=10)
    peer.close()
    return first, json.loads(body) if body else None, result


def test_the_version_is_asked(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    data = json_answer({"version": "0.24.0-sim"})

    assert ask(server, in_thread, data, client.version) == (
        "GET /api/version HTTP/1.1",
        None,
        "0.24.0-sim",
    )


def test_models_on_disk_and_in_memory_are_listed(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    data = json_answer({"models": [{"name": "a"}, {"name": "b"}]})
    request, _, installed = ask(server, in_thread, data, client.tags)
    second, _, loaded = ask(server, in_thread, data, client.ps)

    assert request == "GET /api/tags HTTP/1.1"
    assert second == "GET /api/ps HTTP/1.1"
    assert [m.name for m in installed] == [m.name for m in loaded] == ["a", "b"]


def test_a_model_is_shown(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    data = json_answer({"capabilities": ["embedding"]})
    request, body, details = ask(server, in_thread, data, lambda: client.show("m"))

    assert (request, body) == ("POST /api/show HTTP/1.1", {"model": "m"})
    assert details.capabilities == ("embedding",)


def load(client: OllamaClient, limits: Deadlines = PATIENT, **more: Any) -> None:
    options = {"num_ctx": 2048}
    own = {"keep_alive": -1, "options": options, "limits": limits, "shift": False}
    client.load("m", **own | more)


def test_a_model_is_loaded_by_generating_nothing(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    data = json_answer({"done": True, "done_reason": "load"})
    request, body, _ = ask(server, in_thread, data, lambda: load(client))

    assert request == "POST /api/generate HTTP/1.1"
    assert body == {
        "model": "m",
        "options": {"num_ctx": 2048},
        "shift": False,
        "keep_alive": -1,
        "stream": False,
    }


def test_an_embedding_model_is_loaded_by_embedding_nothing(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    data = json_answer({"embeddings": []})
    request, body, _ = ask(
        server,
        in_thread,
        data,
        lambda: load(client, keep_alive=None, is_embedding=True),
    )

    assert request == "POST /api/embed HTTP/1.1"
    assert body["input"] == ""
    assert "keep_alive" not in body


@pytest.mark.parametrize("limits", [Deadlines(0.05, 30, 30), Deadlines(30, 30, 0.05)])
def test_a_load_that_takes_too_long_is_a_load_timeout(
    server: WireServer, client: OllamaClient, in_thread: Submit, limits: Deadlines
) -> None:
    with pytest.raises(LoadTimeoutError):
        load(client, limits)


def test_a_stalled_answer_to_a_load_stays_a_stall(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    data = stream_answer([{"status": "odd"}]).removesuffix(b"0\r\n\r\n")

    with pytest.raises(StalledError):
        ask(server, in_thread, data, lambda: load(client, Deadlines(30, 0.05, 30)))


def test_a_busy_server_loads_nothing(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    text = "server busy, please try again.  maximum pending requests exceeded"

    with pytest.raises(ServerBusyError):
        ask(
            server,
            in_thread,
            json_answer({"error": text}, status=503),
            lambda: load(client),
        )


def test_a_load_can_be_cut_off(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    switch = AbortSwitch()
    future = in_thread(lambda: load(client, switch=switch))
    peer = server.accept()
    peer.read_request()
    switch.abort("drained")

    assert peer.is_left()
    with pytest.raises(ExchangeAbortedError, match="drained"):
        future.result(timeout=10)


def test_a_model_is_unloaded(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    data = json_answer({"done": True, "done_reason": "unload"})
    _, body, _ = ask(server, in_thread, data, lambda: client.unload("m"))

    assert body == {"model": "m", "keep_alive": 0, "stream": False}


def test_a_model_is_copied_and_deleted(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    head, copied, _ = ask(server, in_thread, answer(b""), lambda: client.copy("m", "n"))
    assert head.startswith("POST /api/copy ")
    assert copied == {"source": "m", "destination": "n"}

    head, deleted, _ = ask(server, in_thread, answer(b""), lambda: client.delete("m"))
    assert head.startswith("DELETE /api/delete ")
    assert deleted == {"model": "m"}


def test_embeddings_come_in_one_answer(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    expected = {"embeddings": [[0.5]], "prompt_eval_count": 1}
    body = {"model": "m", "input": ["a"]}
    _, sent, result = ask(
        server, in_thread, json_answer(expected), lambda: client.embed(body, PATIENT)
    )

    assert result == expected
    assert sent == {**body, "stream": False}


def pull(client: OllamaClient) -> list[str]:
    with client.pull("m", deadlines=PATIENT) as exchange:
        return [line["status"] for lines in exchange for line in lines]


def test_a_pull_tells_its_progress_to_the_end(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    data = stream_answer([{"status": "pulling manifest"}, {"status": "success"}])
    _, body, statuses = ask(server, in_thread, data, lambda: pull(client))

    assert body == {"model": "m", "stream": True}
    assert statuses == ["pulling manifest", "success"]


def test_a_pull_that_ends_without_success_was_cut(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    data = stream_answer([{"status": "pulling manifest"}])

    with pytest.raises(StreamCutError):
        ask(server, in_thread, data, lambda: pull(client))


def test_a_path_that_is_not_a_long_answer_is_a_mistake_of_ours(
    client: OllamaClient,
) -> None:
    with pytest.raises(KeyError):
        client.open("/api/tags", b"", deadlines=PATIENT)


# Short questions that fail.
def test_an_error_status_becomes_its_error(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    data = json_answer({"error": "model 'm' not found"}, status=404)

    with pytest.raises(ModelMissingError):
        ask(server, in_thread, data, lambda: client.show("m"))


@pytest.mark.parametrize(
    "data",
    [
        answer(b"<html>"),
        json_answer({}),
        json_answer({"models": {}}),
        json_answer({"models": [{}]}),
        json_answer({"models": ["m"]}),
        json_answer([]),
        b"SSH-2.0-OpenSSH\r\n",
    ],
)
def test_an_answer_that_is_not_ollamas_says_so(
    server: WireServer, client: OllamaClient, in_thread: Submit, data: bytes
) -> None:
    with pytest.raises(MalformedAnswerError):
        ask(server, in_thread, data, client.tags)


def test_a_server_that_is_not_there_is_unavailable(
    server: WireServer, client: OllamaClient
) -> None:
    server.close()

    with pytest.raises(UpstreamUnavailableError, match="refused"):
        client.version()


def test_a_question_that_is_not_answered_is_given_up(
    server: WireServer, client: OllamaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "QUESTION_SECONDS", 0.05)

    with pytest.raises(UpstreamUnavailableError):
        client.version()
