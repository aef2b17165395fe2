"""httpx over our connections."""

from collections.abc import Iterator

import httpx
import pytest

from tests.fakes.wire_server import WireServer, chunk, head, json_answer
from tests.integration.ollama.exchanges import Submit
from worker.ollama.abort import AbortSwitch, ExchangeAbortedError
from worker.ollama.pool import ConnectionPool, Origin
from worker.ollama.transport import PooledTransport


@pytest.fixture
def http(server: WireServer) -> Iterator[httpx.Client]:
    pool = ConnectionPool(Origin.of(server.url), connect_timeout_seconds=5)
    with httpx.Client(
        transport=PooledTransport(pool), base_url=server.url, trust_env=False
    ) as http:
        yield http


def test_a_request_goes_out_as_httpx_made_it(
    server: WireServer, http: httpx.Client, in_thread: Submit
) -> None:
    future = in_thread(http.post, "/a?b=c")
    peer = server.accept()
    first, headers, _ = peer.read_request()
    peer.send(json_answer({"ok": True}))

    assert future.result(timeout=10).json() == {"ok": True}
    assert first == "POST /a?b=c HTTP/1.1"
    assert headers["host"] == server.url.removeprefix("http://")


def test_a_body_is_sent_and_the_connection_kept(
    server: WireServer, http: httpx.Client, in_thread: Submit
) -> None:
    def post() -> int:
        return http.post("/a", json={"n": 1}).status_code

    future = in_thread(post)
    peer = server.accept()
    assert peer.read_request()[2] == b'{"n":1}'
    peer.send(json_answer({}, status=201))
    assert future.result(timeout=10) == 201
    again = in_thread(post)
    peer.read_request()
    peer.send(json_answer({}))

    assert again.result(timeout=10) == 200


def test_an_answer_that_is_not_read_to_its_end_costs_the_connection(
    server: WireServer, http: httpx.Client, in_thread: Submit
) -> None:
    def begin() -> int:
        with http.stream("GET", "/") as response:
            return response.status_code

    future = in_thread(begin)
    peer = server.accept()
    peer.read_request()
    peer.send(head() + chunk(b"some"))

    assert future.result(timeout=10) == 200
    assert peer.is_left()


def test_the_read_timeout_may_be_changed_between_reads(
    server: WireServer, http: httpx.Client, in_thread: Submit
) -> None:
    request = http.build_request("GET", "/", timeout=30)

    def read() -> bytes:
        response = http.send(request, stream=True)
        pieces = response.iter_raw()
        first = next(pieces)
        request.extensions["timeout"]["read"] = 0.01
        with pytest.raises(httpx.ReadTimeout):
            next(pieces)
        response.close()
        return first

    future = in_thread(read)
    peer = server.accept()
    peer.read_request()
    peer.send(head() + chunk(b"some"))

    assert future.result(timeout=10) == b"some"


def test_a_refused_connection_is_a_connect_error(
    server: WireServer, http: httpx.Client
) -> None:
    server.close()

    with pytest.raises(httpx.ConnectError):
        http.get("/")


def test_a_server_that_does_not_read_is_a_write_timeout(
    server: WireServer, http: httpx.Client
) -> None:
    with pytest.raises(httpx.WriteTimeout):
        http.post("/", content=b" " * 30_000_000, timeout=httpx.Timeout(30, write=0.05))


def test_a_reset_while_sending_is_a_write_error(
    server: WireServer, http: httpx.Client, in_thread: Submit
) -> None:
    future = in_thread(lambda: http.post("/", content=b" " * 30_000_000))
    peer = server.accept()
    peer.read_a_little()
    peer.reset()

    with pytest.raises(httpx.WriteError):
        future.result(timeout=10)


def test_a_connection_that_is_lost_is_a_read_error(
    server: WireServer, http: httpx.Client, in_thread: Submit
) -> None:
    future = in_thread(http.get, "/")
    peer = server.accept()
    peer.read_request()
    peer.close()

    with pytest.raises(httpx.ReadError):
        future.result(timeout=10)


def test_what_is_no_http_is_a_protocol_error(
    server: WireServer, http: httpx.Client, in_thread: Submit
) -> None:
    future = in_thread(http.get, "/")
    peer = server.accept()
    peer.read_request()
    peer.send(b"SSH-2.0-OpenSSH\r\n")

    with pytest.raises(httpx.RemoteProtocolError):
        future.result(timeout=10)


def test_a_request_with_a_switch_can_be_cut_off(
    server: WireServer, http: httpx.Client, in_thread: Submit
) -> None:
    switch = AbortSwitch()
    future = in_thread(lambda: http.get("/", extensions={"abort": switch}))
    peer = server.accept()
    peer.read_request()
    switch.abort("cancelled")

    assert peer.is_left()
    with pytest.raises(ExchangeAbortedError):
        future.result(timeout=10)
