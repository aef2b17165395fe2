"""Kept connections: which are used again."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.fakes.wire_server import WireServer, answer, stream_answer
from tests.integration.ollama.exchanges import LAST, Submit, answer_one, ask
from worker.ollama import pool as pool_module
from worker.ollama.abort import AbortSwitch, ExchangeAbortedError
from worker.ollama.client import OllamaClient
from worker.ollama.connection import Connection
from worker.ollama.pool import ConnectionPool, Origin

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def test_a_kept_connection_that_the_server_closed_is_replaced(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    answer_one(server, client, in_thread, stream_answer([LAST])).close()
    answer_one(server, client, in_thread, stream_answer([LAST]))


def test_a_kept_connection_that_is_too_old_is_replaced(
    server: WireServer,
    client: OllamaClient,
    in_thread: Submit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = answer_one(server, client, in_thread, stream_answer([LAST]))
    monkeypatch.setattr(pool_module, "MAX_IDLE_SECONDS", -1)
    answer_one(server, client, in_thread, stream_answer([LAST]))

    assert first.is_left()


def test_a_connection_that_the_server_wants_to_close_is_not_kept(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    closing_answer = answer(b'{"done":true}').replace(
        b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1
    )
    peer = answer_one(server, client, in_thread, closing_answer)

    assert peer.is_left()


def test_more_idle_connections_than_allowed_are_closed(
    server: WireServer,
    client: OllamaClient,
    in_thread: Submit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool_module, "MAX_IDLE_CONNECTIONS", 0)
    peer = answer_one(server, client, in_thread, stream_answer([LAST]))

    assert peer.is_left()


def test_closing_the_client_closes_what_is_idle(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    peer = answer_one(server, client, in_thread, stream_answer([LAST]))
    client.close()

    assert peer.is_left()


def test_an_aborted_exchange_does_not_use_up_a_kept_connection_unseen(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    peer = answer_one(server, client, in_thread, stream_answer([LAST]))
    switch = AbortSwitch()
    switch.abort("cancelled")

    with pytest.raises(ExchangeAbortedError):
        ask(client, switch)
    assert peer.is_left()


class BrokenSocketError(Exception):
    """Stands for any failure of a test's connection."""


class FailingConnection(Connection):
    """A kept connection that turns out to be closed when the request is written."""

    failure: OSError = BrokenPipeError()

    def send(self, request: bytes, *, timeout_seconds: float | None) -> None:
        raise self.failure

    def is_stale(self) -> bool:
        return False


@pytest.fixture
def pool(server: WireServer) -> Iterator[ConnectionPool]:
    with closing(
        ConnectionPool(Origin.of(server.url), connect_timeout_seconds=5)
    ) as pool:
        yield pool


def keep_failing(pool: ConnectionPool, failure: OSError) -> socket.socket:
    ours, theirs = socket.socketpair()
    connection = FailingConnection(ours)
    connection.failure = failure
    connection.rest()
    pool._idle.append(connection)
    theirs.settimeout(10)
    return theirs


def test_a_request_that_a_kept_connection_does_not_take_goes_over_a_new_one(
    server: WireServer, pool: ConnectionPool
) -> None:
    with keep_failing(pool, BrokenPipeError()) as other_end:
        connection = pool.send(REQUEST, AbortSwitch(), timeout_seconds=None)
        assert server.accept().read_request()[0] == "GET / HTTP/1.1"
        assert other_end.recv(1) == b""
    connection.close()


def test_a_request_that_was_sent_too_slowly_is_not_sent_again(
    server: WireServer, pool: ConnectionPool
) -> None:
    with (
        keep_failing(pool, TimeoutError()) as other_end,
        pytest.raises(TimeoutError),
    ):
        pool.send(REQUEST, AbortSwitch(), timeout_seconds=1)

    assert other_end.fileno() == -1
    assert not server.has_another()
