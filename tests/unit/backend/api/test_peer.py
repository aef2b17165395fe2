import socket
from collections.abc import Iterator

import pytest

from backend.api.peer import Peer

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def peer_of(pair: Pair) -> Peer:
    return Peer({"gunicorn.socket": pair[0]})


def test_a_caller_that_waits_is_there(pair: Pair) -> None:
    assert not peer_of(pair).is_gone()


def test_a_caller_that_closed_its_connection_is_gone(pair: Pair) -> None:
    pair[1].close()

    assert peer_of(pair).is_gone()


def test_a_connection_that_is_no_more_is_gone(pair: Pair) -> None:
    pair[0].close()

    assert peer_of(pair).is_gone()


def test_a_request_that_was_sent_ahead_is_no_farewell_and_stays_unread(
    pair: Pair,
) -> None:
    pair[1].sendall(b"GET / HTTP/1.1")

    assert not peer_of(pair).is_gone()
    assert pair[0].recv(3) == b"GET"


@pytest.mark.parametrize("timeout_seconds", [None, 5.0])
def test_looking_leaves_the_connection_as_it_was(
    pair: Pair, timeout_seconds: float | None
) -> None:
    pair[0].settimeout(timeout_seconds)

    peer_of(pair).is_gone()

    assert pair[0].gettimeout() == timeout_seconds


def test_without_a_connection_to_look_at_the_caller_counts_as_there() -> None:
    assert not Peer({}).is_gone()
