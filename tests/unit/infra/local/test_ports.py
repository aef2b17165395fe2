"""A demo takes the usual ports if they are free, and never one in use."""

import socket
from collections.abc import Iterator

import pytest

from infra.local import ports


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", ports.free_port()))
        server.listen()
        yield int(server.getsockname()[1])


def test_a_preferred_port_is_taken_when_it_is_free() -> None:
    port = ports.free_port()

    assert ports.choose(preferred=port, asked=None, name="API_PORT") == port


def test_another_port_is_taken_when_the_preferred_one_is_in_use(taken: int) -> None:
    port = ports.choose(preferred=taken, asked=None, name="API_PORT")

    assert port != taken
    assert ports.is_free(port)


def test_a_port_that_was_asked_for_is_not_replaced(taken: int) -> None:
    with pytest.raises(ports.PortTakenError, match=f"API_PORT={taken}, but something"):
        ports.choose(preferred=5001, asked=str(taken), name="API_PORT")


def test_a_port_that_is_no_number_is_refused_by_its_name() -> None:
    with pytest.raises(ports.PortTakenError, match="UI_PORT=eighty is no port"):
        ports.choose(preferred=8501, asked="eighty", name="UI_PORT")


def test_free_ports_lie_outside_those_of_outgoing_connections() -> None:
    assert ports.free_port() in range(20_000, 32_000)
