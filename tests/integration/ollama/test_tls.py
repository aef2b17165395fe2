"""TLS, for an Ollama behind a proxy."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fakes.wire_server import WireServer, head, json_answer, line, stream_answer
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
    future = in_thread(ask, client, switch)
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
    future = in_thread(ask, client, switch)
    server.accept()
    switch.abort("cancelled")

    with pytest.raises(ExchangeAbortedError):
        future.result(timeout=10)


def test_a_certificate_that_nobody_vouches_for_is_an_unavailable_server(
    tls_server: WireServer, in_thread: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    client = OllamaClient(tls_server.url)
    future = in_thread(ask, client)
    with pytest.raises(ssl.SSLError):
        tls_server.accept()

    with pytest.raises(UpstreamUnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
        future.result(timeout=10)
