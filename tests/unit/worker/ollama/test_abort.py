import socket
from collections.abc import Iterator

import pytest

from worker.ollama.abort import AbortSwitch, ExchangeAbortedError


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.settimeout(5)
    theirs.settimeout(5)
    with ours, theirs:
        yield ours, theirs


Pair = tuple[socket.socket, socket.socket]


def test_the_socket_in_use_is_shut_for_both_ends(pair: Pair) -> None:
    ours, theirs = pair
    switch = AbortSwitch()
    switch.watch(ours)
    switch.abort("cancelled")

    assert ours.recv(1) == b""
    assert theirs.recv(1) == b""
    assert not switch.release()


def test_a_used_switch_lets_nothing_start(pair: Pair) -> None:
    ours, _ = pair
    switch = AbortSwitch()
    switch.check()
    switch.abort("cancelled")

    with pytest.raises(ExchangeAbortedError, match="cancelled"):
        switch.watch(ours)
    with pytest.raises(ExchangeAbortedError, match="cancelled"):
        switch.check()


def test_the_first_reason_stays() -> None:
    switch = AbortSwitch()
    assert switch.reason is None
    switch.abort("cancelled")
    switch.abort("drained")

    assert switch.reason == "cancelled"


def test_a_released_socket_is_left_alone(pair: Pair) -> None:
    ours, theirs = pair
    switch = AbortSwitch()
    switch.watch(ours)
    assert switch.release()
    switch.abort("too late")
    ours.sendall(b"x")

    assert theirs.recv(1) == b"x"


def test_a_socket_that_is_closed_already_is_no_trouble(pair: Pair) -> None:
    ours, _ = pair
    switch = AbortSwitch()
    switch.watch(ours)
    ours.close()
    switch.abort("cancelled")

    assert switch.reason == "cancelled"


def test_who_asked_is_told_of_an_abort_once() -> None:
    told: list[str] = []
    switch = AbortSwitch()
    switch.on_abort(told.append)
    switch.abort("cancelled")
    switch.abort("drained")

    assert told == ["cancelled"]


def test_who_asks_after_an_abort_is_told_at_once() -> None:
    told: list[str] = []
    switch = AbortSwitch()
    switch.abort("cancelled")
    switch.on_abort(told.append)

    assert told == ["cancelled"]
