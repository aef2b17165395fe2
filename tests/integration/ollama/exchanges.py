"""Exchanges in which the test plays the server, byte by byte.

The client runs in another thread.
"""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from tests.fakes.wire_server import Peer, WireServer
from worker.ollama.abort import AbortSwitch
from worker.ollama.client import OllamaClient
from worker.ollama.deadlines import Deadlines
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


def ask(client: OllamaClient, switch: AbortSwitch | None = None) -> Any:
    """Have a whole chat."""
    return collect(chat(client, switch=switch))


def answer_one(
    server: WireServer, client: OllamaClient, in_thread: Submit, data: bytes
) -> Peer:
    """Let an exchange be answered, so that its connection is kept."""
    future = in_thread(ask, client)
    peer = server.accept()
    peer.read_request()
    peer.send(data)
    future.result(timeout=10)
    return peer


class ObservedSwitch(AbortSwitch):
    """Tells when it was given a socket."""

    def __init__(self) -> None:
        super().__init__()
        self.watched = threading.Event()

    def watch(self, sock: socket.socket) -> None:
        super().watch(sock)
        self.watched.set()
