"""Kept connections: which are used again, and how a new one is made."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fakes.wire_server import (
    Peer,
    WireServer,
    answer,
    head,
    json_answer,
    line,
    stream_answer,
)
from worker.ollama import pool as pool_module
from worker.ollama.abort import AbortSwitch, ExchangeAbortedError
from worker.ollama.client import OllamaClient
from worker.ollama.connection import Connection
from worker.ollama.deadlines import Deadlines
from worker.ollama.errors import UpstreamUnavailableError
from worker.ollama.pool import ConnectionPool, Origin

Submit = Callable[..., "Future[Any]"]

PATIENT = Deadlines(first_token_seconds=30, silence_seconds=30, attempt_seconds=30)
LAST = {"done": True}
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class ObservedSwitch(AbortSwitch):
    """Tells when it was given a socket."""

    def __init__(self) -> None:
        super().__init__()
        self.watched = threading.Event()

    def watch(self, sock: socket.socket) -> None:
        super().watch(sock)
        self.watched.set()


def collect(client: OllamaClient, switch: AbortSwitch | None = None) -> Any:
    with client.open("/api/chat", b"{}", deadlines=PATIENT, switch=switch) as exchange:
        return list(exchange)


def answer_one(
    server: WireServer, client: OllamaClient, in_thread: Submit, data: bytes
) -> Peer:
    """Let an exchange be answered, so that its connection is kept."""
    future = in_thread(collect, client)
    peer = server.accept()
    peer.read_request()
    peer.send(data)
    future.result(timeout=10)
    return peer


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
        collect(client, switch)
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


# Connecting.
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
        future = in_thread(collect, client, switch)
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
        collect(OllamaClient(server.url), Hasty())
    assert server.accept().is_left()


def test_connecting_is_given_up_after_its_time() -> None:
    with WireServer(backlog=0) as server:
        filler = [socket.socket() for _ in range(4)]
        for sock in filler:
            sock.settimeout(0)
            sock.connect_ex(server.address)
        client = OllamaClient(server.url, connect_timeout_seconds=0.05)

        with pytest.raises(UpstreamUnavailableError, match="timed out"):
            collect(client)
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


# TLS, for an Ollama behind a proxy.
@pytest.fixture
def tls_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WireServer]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "corral test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    both = tmp_path / "server.pem"
    both.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + pem
    )
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    with WireServer(tls=context) as server:
        yield server


def test_a_tls_server_is_spoken_to_over_one_kept_connection(
    tls_server: WireServer, in_thread: Submit
) -> None:
    client = OllamaClient(tls_server.url)
    peer = answer_one(tls_server, client, in_thread, stream_answer([LAST]))
    future = in_thread(client.version)
    peer.read_request()
    peer.send(json_answer({"version": "1"}))

    assert future.result(timeout=10) == "1"
    assert not tls_server.has_another()
    client.close()


def test_an_abort_reaches_the_socket_under_tls(
    tls_server: WireServer, in_thread: Submit
) -> None:
    client = OllamaClient(tls_server.url)
    switch = AbortSwitch()
    future = in_thread(collect, client, switch)
    peer = tls_server.accept()
    peer.read_request()
    peer.send(head() + line({"done": False}))
    switch.abort("cancelled")

    assert peer.is_left()
    with pytest.raises(ExchangeAbortedError):
        future.result(timeout=10)


def test_an_abort_during_the_handshake_ends_it(
    server: WireServer, in_thread: Submit
) -> None:
    # A plain server never answers the handshake.
    client = OllamaClient(server.url.replace("http", "https"))
    switch = ObservedSwitch()
    future = in_thread(collect, client, switch)
    server.accept()
    switch.abort("cancelled")

    with pytest.raises(ExchangeAbortedError):
        future.result(timeout=10)


def test_a_certificate_that_nobody_vouches_for_is_an_unavailable_server(
    tls_server: WireServer, in_thread: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    client = OllamaClient(tls_server.url)
    future = in_thread(collect, client)
    with pytest.raises(ssl.SSLError):
        tls_server.accept()

    with pytest.raises(UpstreamUnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
        future.result(timeout=10)
