import socket
from collections.abc import Iterator

import httptools
import pytest

from worker.ollama.connection import Connection, PeerClosedError

LENGTH_2 = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def ends() -> Iterator[tuple[Connection, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = Connection(ours)
        connection.send(b"GET / HTTP/1.1\r\n\r\n", timeout_seconds=5)
        theirs.recv(100)
        yield connection, theirs


Ends = tuple[Connection, socket.socket]


def read_all(connection: Connection) -> bytes:
    body = b""
    while not connection.is_complete:
        body += connection.receive(5)
    return body


def test_an_answer_with_a_length_is_read_to_its_end(ends: Ends) -> None:
    connection, server = ends
    server.sendall(LENGTH_2 + b"ok")

    assert read_all(connection) == b"ok"
    assert connection.status == 200
    assert connection.header(b"content-length") == b"2"
    assert connection.header(b"missing") == b""
    assert connection.is_reusable


def test_chunks_of_one_read_come_as_one_piece(ends: Ends) -> None:
    connection, server = ends
    server.sendall(CHUNKED + b"1\r\na\r\n1\r\nb\r\n")

    assert connection.receive(5) == b"ab"
    assert not connection.is_complete
    assert not connection.is_reusable


def test_silence_is_a_timeout(ends: Ends) -> None:
    connection, _ = ends

    with pytest.raises(TimeoutError):
        connection.receive(0)


def test_reading_may_wait_without_a_limit(ends: Ends) -> None:
    connection, server = ends
    server.sendall(LENGTH_2 + b"ok")

    assert connection.receive(None) == b"ok"


def test_an_answer_that_asks_to_close_is_not_followed_by_another(ends: Ends) -> None:
    connection, server = ends
    server.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n")
    server.sendall(b"Content-Length: 2\r\n\r\nok")

    assert read_all(connection) == b"ok"
    assert not connection.is_reusable


def test_an_answer_without_a_length_ends_with_its_connection(ends: Ends) -> None:
    connection, server = ends
    server.sendall(b"HTTP/1.1 200 OK\r\n\r\nok")
    server.shutdown(socket.SHUT_WR)

    assert read_all(connection) == b"ok"
    assert not connection.is_reusable


@pytest.mark.parametrize("beginning", [b"", b"HTTP/1.1 200", LENGTH_2 + b"o", CHUNKED])
def test_an_answer_that_is_cut_says_so(ends: Ends, beginning: bytes) -> None:
    connection, server = ends
    server.sendall(beginning)
    server.shutdown(socket.SHUT_WR)

    with pytest.raises(PeerClosedError):
        read_all(connection)


def test_what_is_not_http_says_so(ends: Ends) -> None:
    connection, server = ends
    server.sendall(b"SSH-2.0-OpenSSH\r\n")

    with pytest.raises(httptools.HttpParserError):
        connection.receive(5)


def test_a_connection_with_a_second_answer_is_not_used_again(ends: Ends) -> None:
    connection, server = ends
    server.sendall((LENGTH_2 + b"ok") * 2)
    connection.receive(5)

    assert not connection.is_reusable


def test_a_quiet_open_connection_is_not_stale(ends: Ends) -> None:
    connection, _ = ends
    connection.rest()

    assert not connection.is_stale()


def test_a_closed_connection_is_stale(ends: Ends) -> None:
    connection, server = ends
    server.close()

    assert connection.is_stale()


def test_a_connection_with_unasked_bytes_is_stale(ends: Ends) -> None:
    connection, server = ends
    server.sendall(b"HTTP/1.1 408 Request Timeout\r\n\r\n")

    assert connection.is_stale()


def test_a_socket_that_is_gone_is_stale(ends: Ends) -> None:
    connection, _ = ends
    connection.close()

    assert connection.is_stale()
