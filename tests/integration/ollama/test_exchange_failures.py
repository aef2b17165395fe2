"""What is said when no whole answer comes."""

import socket
from unittest.mock import Mock

import pytest

from tests.fakes.wire_server import (
    LAST_CHUNK,
    WireServer,
    chunk,
    head,
    json_answer,
    line,
    stream_answer,
)
from tests.integration.ollama.exchanges import (
    LAST,
    PATIENT,
    TOKEN,
    Submit,
    answered,
    chat,
    collect,
    serve,
)
from worker.ollama import connection as connection_module
from worker.ollama.client import OllamaClient
from worker.ollama.errors import (
    MalformedAnswerError,
    ModelMissingError,
    OllamaError,
    RunnerCrashedError,
    StreamCutError,
    UpstreamUnavailableError,
)


# What is not an answer.
def test_a_refusal_is_its_own_error_however_it_is_cut(
    server: WireServer,
    client: OllamaClient,
    in_thread: Submit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection_module, "READ_BYTES", 7)
    future = in_thread(collect, chat(client))
    serve(server, json_answer({"error": "model 'x' not found"}, status=404))

    with pytest.raises(ModelMissingError, match=r"^model 'x' not found$"):
        answered(future)


def test_an_error_line_comes_after_what_was_said_before_it(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    received = []

    def read() -> None:
        with chat(client) as exchange:
            for objects in exchange:
                received.extend(objects)

    future = in_thread(read)
    text = "an error was encountered while running the model: unexpected EOF"
    serve(server, head() + line(TOKEN) + line({"error": text}) + LAST_CHUNK)

    with pytest.raises(RunnerCrashedError, match="unexpected EOF"):
        answered(future)
    assert received == [TOKEN]


def test_a_first_line_may_be_the_error(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client))
    serve(server, stream_answer([{"error": "something new"}]))

    with pytest.raises(OllamaError, match="something new"):
        answered(future)


@pytest.mark.parametrize("end", [LAST_CHUNK, b""])
def test_a_stream_without_its_last_line_is_cut(
    server: WireServer, client: OllamaClient, in_thread: Submit, end: bytes
) -> None:
    future = in_thread(collect, chat(client))
    serve(server, head() + line(TOKEN) + end).close()

    with pytest.raises(StreamCutError):
        answered(future)


def test_a_malformed_line_ends_the_exchange(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client))
    peer = serve(server, head() + line(TOKEN) + chunk(b'{"message":\n'))

    with pytest.raises(MalformedAnswerError):
        answered(future)
    assert peer.is_left()


def test_what_is_no_http_is_a_malformed_answer(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client))
    serve(server, b"SSH-2.0-OpenSSH\r\n")

    with pytest.raises(MalformedAnswerError, match="not an HTTP answer"):
        answered(future)


def test_rubbish_after_the_last_line_costs_only_the_connection(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    with chat(client) as exchange:
        objects = iter(exchange)
        future = in_thread(next, objects)
        peer = serve(server, head() + line(LAST))
        answered(future)
        peer.send(b"zz\r\n")
        assert next(objects, None) is None

    assert peer.is_left()


# A server that is not there, or goes.
def test_a_refused_connection_is_an_unavailable_server(
    server: WireServer, client: OllamaClient
) -> None:
    server.close()

    with pytest.raises(UpstreamUnavailableError, match="refused"):
        collect(chat(client))


def test_a_host_that_nobody_knows_is_an_unavailable_server(
    client: OllamaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        socket, "getaddrinfo", Mock(side_effect=socket.gaierror(-2, "not known"))
    )

    with pytest.raises(UpstreamUnavailableError, match="not known"):
        collect(chat(client))


def test_a_host_without_an_address_is_an_unavailable_server(
    client: OllamaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Mock(return_value=[]))

    with pytest.raises(UpstreamUnavailableError, match="has no address"):
        collect(chat(client))


def test_a_server_that_goes_before_it_answers_is_not_asked_again_by_itself(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client))
    serve(server).close()

    with pytest.raises(UpstreamUnavailableError, match="without an answer"):
        answered(future)
    assert not server.has_another()


def test_a_reset_before_the_answer_is_an_unavailable_server(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client))
    serve(server).reset()

    with pytest.raises(UpstreamUnavailableError, match="reset"):
        answered(future)


def test_a_reset_while_the_request_is_sent_is_an_unavailable_server(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(
        collect, client.open("/api/chat", b" " * 30_000_000, deadlines=PATIENT)
    )
    peer = server.accept()
    peer.read_a_little()
    peer.reset()

    with pytest.raises(UpstreamUnavailableError, match="sending failed"):
        answered(future)
