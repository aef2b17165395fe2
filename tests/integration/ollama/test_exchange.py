"""Deadlines and cancels reach the socket (JOBS.md 22 and 26).

The test plays the server byte by byte; the client runs in another thread.
"""

import socket
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any
from unittest.mock import Mock

import pytest

from tests.fakes.wire_server import (
    LAST_CHUNK,
    Peer,
    WireServer,
    chunk,
    head,
    json_answer,
    line,
    stream_answer,
)
from worker.ollama import connection as connection_module
from worker.ollama.abort import AbortSwitch, ExchangeAbortedError
from worker.ollama.client import OllamaClient
from worker.ollama.deadlines import Deadlines
from worker.ollama.errors import (
    AttemptTimeoutError,
    FirstTokenTimeoutError,
    MalformedAnswerError,
    ModelMissingError,
    OllamaError,
    RunnerCrashedError,
    StalledError,
    StreamCutError,
    UpstreamUnavailableError,
)
from worker.ollama.exchange import Exchange

Submit = Callable[..., "Future[Any]"]

PATIENT = Deadlines(first_token_seconds=30, silence_seconds=30, attempt_seconds=30)
TOKEN = {"message": {"content": "a"}, "done": False}
LAST = {"message": {"content": ""}, "done": True, "done_reason": "stop"}


def chat(client: OllamaClient, deadlines: Deadlines = PATIENT, **more: Any) -> Exchange:
    return client.open("/api/chat", b"{}", deadlines=deadlines, **more)


def collect(exchange: Exchange) -> list[list[dict[str, Any]]]:
    with exchange:
        return list(exchange)


def answered(future: "Future[Any]") -> Any:
    return future.result(timeout=10)


def serve(server: WireServer, *pieces: bytes) -> Peer:
    peer = server.accept()
    peer.read_request()
    peer.send(*pieces)
    return peer


def test_the_request_is_sent_with_its_headers(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    headers = {"X-Request-Id": "r1", "traceparent": "00-1"}
    future = in_thread(
        collect,
        client.open("/api/chat", b'{"a":1}', deadlines=PATIENT, headers=headers),
    )
    peer = server.accept()
    first, received, body = peer.read_request()
    peer.send(stream_answer([LAST]))

    assert answered(future) == [[LAST]]
    assert first == "POST /api/chat HTTP/1.1"
    assert received["x-request-id"] == "r1"
    assert received["traceparent"] == "00-1"
    assert body == b'{"a":1}'


def test_what_comes_in_one_read_is_given_in_one_list(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client))
    serve(server, stream_answer([TOKEN, TOKEN, LAST]))

    assert answered(future) == [[TOKEN, TOKEN, LAST]]


def test_a_token_is_given_as_soon_as_it_comes(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    with chat(client) as exchange:
        objects = iter(exchange)
        future = in_thread(next, objects)
        peer = serve(server, head() + line(TOKEN))
        first = answered(future)
        peer.send(line(LAST) + LAST_CHUNK)
        second = next(objects)

    assert (first, second) == ([TOKEN], [LAST])


def test_an_answer_that_is_not_streamed_is_one_object(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client))
    serve(server, json_answer(LAST))

    assert answered(future) == [[LAST]]


def test_a_finished_connection_serves_the_next_exchange(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client))
    peer = serve(server, stream_answer([LAST]))
    answered(future)
    again = in_thread(collect, chat(client))
    peer.read_request()
    peer.send(stream_answer([TOKEN, LAST]))

    assert answered(again) == [[TOKEN, LAST]]
    assert not server.has_another()


def test_the_end_of_the_body_may_come_after_the_last_line(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    with chat(client) as exchange:
        objects = iter(exchange)
        future = in_thread(next, objects)
        peer = serve(server, head() + line(LAST))
        answered(future)
        peer.send(LAST_CHUNK)
        assert next(objects, None) is None
    again = in_thread(collect, chat(client))
    peer.read_request()
    peer.send(stream_answer([LAST]))

    assert answered(again) == [[LAST]]


def test_a_whole_answer_whose_body_never_ends_costs_only_the_connection(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client))
    peer = serve(server, head() + line(LAST))

    assert answered(future) == [[LAST]]
    assert peer.is_left()


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


# Deadlines.
def test_nothing_at_all_is_a_first_token_timeout(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client, Deadlines(0.05, 30, 30)))
    peer = serve(server)

    with pytest.raises(FirstTokenTimeoutError):
        answered(future)
    assert peer.is_left()


def test_a_head_alone_is_no_first_token(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client, Deadlines(0.05, 30, 30)))
    serve(server, head())

    with pytest.raises(FirstTokenTimeoutError):
        answered(future)


def test_silence_after_a_token_is_a_stall(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client, Deadlines(30, 0.05, 30)))
    peer = serve(server, head() + line(TOKEN))

    with pytest.raises(StalledError):
        answered(future)
    assert peer.is_left()


def test_silence_without_a_limit_ends_with_the_attempt(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client, Deadlines(30, None, 0.1)))
    serve(server, head() + line(TOKEN))

    with pytest.raises(AttemptTimeoutError):
        answered(future)


def trickle(peer: Peer, data: bytes, future: "Future[Any]") -> None:
    while not future.done():
        try:
            peer.send(data)
        except OSError:
            return
        time.sleep(0.01)


def test_tokens_do_not_keep_an_attempt_alive_beyond_its_deadline(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client, Deadlines(30, 30, 0.2)))
    trickle(serve(server, head()), line(TOKEN), future)

    with pytest.raises(AttemptTimeoutError):
        answered(future)


def test_bytes_that_are_no_objects_do_not_count_as_a_sign_of_life(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client, Deadlines(30, 0.1, 30)))
    trickle(serve(server, head() + line(TOKEN)), chunk(b" "), future)

    with pytest.raises(StalledError):
        answered(future)


def test_an_attempt_without_time_sends_nothing(
    server: WireServer, client: OllamaClient
) -> None:
    with pytest.raises(AttemptTimeoutError):
        collect(chat(client, Deadlines(30, 30, 0)))
    assert not server.has_another()


def test_a_server_that_does_not_read_is_a_timeout(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    exchange = client.open(
        "/api/chat", b" " * 30_000_000, deadlines=Deadlines(0.1, 30, 30)
    )
    future = in_thread(collect, exchange)
    server.accept()

    with pytest.raises(FirstTokenTimeoutError):
        answered(future)


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


# Leaving and aborting.
def test_leaving_early_closes_the_connection(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    with chat(client) as exchange:
        future = in_thread(next, iter(exchange))
        peer = serve(server, head() + line(TOKEN))
        answered(future)

    assert peer.is_left()


def test_an_exchange_that_is_never_iterated_sends_nothing(
    server: WireServer, client: OllamaClient
) -> None:
    with chat(client):
        pass

    assert not server.has_another()


def test_an_abort_before_the_start_keeps_it_from_connecting(
    server: WireServer, client: OllamaClient
) -> None:
    exchange = chat(client)
    exchange.abort("cancelled")

    with pytest.raises(ExchangeAbortedError, match="cancelled"):
        collect(exchange)
    assert not server.has_another()


def test_an_abort_before_the_head_reaches_the_server(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    exchange = chat(client)
    future = in_thread(collect, exchange)
    peer = serve(server)
    exchange.abort("cancelled")

    assert peer.is_left()
    with pytest.raises(ExchangeAbortedError, match="cancelled"):
        answered(future)


def test_an_abort_in_mid_stream_reaches_the_server(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    with chat(client) as exchange:
        objects = iter(exchange)
        first = in_thread(next, objects)
        peer = serve(server, head() + line(TOKEN))
        answered(first)
        second = in_thread(next, objects)
        exchange.abort("cancelled")
        exchange.abort("again")

        assert peer.is_left()
        with pytest.raises(ExchangeAbortedError, match="cancelled"):
            answered(second)


def test_an_abort_on_a_reused_connection_reaches_the_server(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client))
    peer = serve(server, stream_answer([LAST]))
    answered(future)
    exchange = chat(client)
    again = in_thread(collect, exchange)
    peer.read_request()
    exchange.abort("cancelled")

    assert peer.is_left()
    with pytest.raises(ExchangeAbortedError):
        answered(again)


def test_an_abort_while_sending_reaches_the_server(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    exchange = client.open("/api/chat", b" " * 30_000_000, deadlines=PATIENT)
    future = in_thread(collect, exchange)
    peer = server.accept()
    exchange.abort("cancelled")

    with pytest.raises(ExchangeAbortedError):
        answered(future)
    with pytest.raises(ConnectionError):
        peer.read_request()


def test_what_came_before_an_abort_is_not_given_after_it(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    with chat(client) as exchange:
        objects = iter(exchange)
        future = in_thread(next, objects)
        peer = serve(server, head() + line(TOKEN))
        answered(future)
        peer.send(line(TOKEN))
        exchange.abort("cancelled")

        with pytest.raises(ExchangeAbortedError):
            next(objects)


def test_an_abort_after_the_end_leaves_the_connection_alone(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    exchange = chat(client)
    future = in_thread(collect, exchange)
    peer = serve(server, stream_answer([LAST]))
    answered(future)
    exchange.abort("too late")
    again = in_thread(collect, chat(client))
    peer.read_request()
    peer.send(stream_answer([LAST]))

    assert answered(again) == [[LAST]]


def test_an_abort_between_the_last_line_and_the_end_keeps_the_answer(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    with chat(client) as exchange:
        objects = iter(exchange)
        future = in_thread(next, objects)
        peer = serve(server, head() + line(LAST))
        answered(future)
        exchange.abort("too late")
        assert next(objects, None) is None

    assert peer.is_left()


def test_one_switch_ends_all_that_share_it(
    server: WireServer, client: OllamaClient
) -> None:
    switch = AbortSwitch()
    switch.abort("drained")

    with pytest.raises(ExchangeAbortedError, match="drained"):
        collect(chat(client, switch=switch))
