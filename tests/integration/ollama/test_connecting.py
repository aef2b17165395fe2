"""How a new connection is made."""

import socket

import pytest

from tests.fakes.wire_server import WireServer, stream_answer
from tests.integration.ollama.exchanges import (
    LAST,
    ObservedSwitch,
    Submit,
    answer_one,
    ask,
)
from worker.ollama.abort import AbortSwitch, ExchangeAbortedError
from worker.ollama.client import OllamaClient
from worker.ollama.errors import UpstreamUnavailableError


def test_an_abort_while_connecting_wakes_the_one_who_connects(
    in_thread: Submit,
) -> None:
    # A full queue of connections that nobody accepts: the next one hangs.
    with WireServer(backlog=0) as server:
        filler = [socket.socket() for _ in range(4)]
        for sock in filler:
            sock.settimeout(0)
            sock.connect_ex(server.address)
        client = OllamaClient(server.url, connect_timeout_seconds=60)
        switch = ObservedSwitch()
        future = in_thread(ask, client, switch)
        assert switch.watched.wait(10)
        switch.abort("cancelled")

        with pytest.raises(ExchangeAbortedError):
            future.result(timeout=10)
        for sock in filler:
            sock.close()


def test_an_abort_just_before_connecting_sends_nothing(
    server: WireServer,
) -> None:
    class Hasty(AbortSwitch):
        def watch(self, sock: socket.socket) -> None:
            super().watch(sock)
            self.abort("cancelled")

    with pytest.raises(ExchangeAbortedError):
        ask(OllamaClient(server.url), Hasty())
    assert server.accept().is_left()


def test_connecting_is_given_up_after_its_time() -> None:
    with WireServer(backlog=0) as server:
        filler = [socket.socket() for _ in range(4)]
        for sock in filler:
            sock.settimeout(0)
            sock.connect_ex(server.address)
        client = OllamaClient(server.url, connect_timeout_seconds=0.05)

        with pytest.raises(UpstreamUnavailableError, match="timed out"):
            ask(client)
        for sock in filler:
            sock.close()


def test_the_next_address_of_a_host_is_tried(
    server: WireServer, in_thread: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        refusing = nobody.getsockname()
        entries = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", refusing),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", server.address),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)
        client = OllamaClient("http://two-addresses:1")
        answer_one(server, client, in_thread, stream_answer([LAST]))
    client.close()
