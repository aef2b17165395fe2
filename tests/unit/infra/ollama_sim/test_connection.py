import asyncio

import pytest

from tests.unit.infra.ollama_sim.stage import Stage, hello, played


@played
async def test_requests_on_one_connection_are_answered_in_their_order() -> None:
    stage = Stage(tokens_per_second=10)
    caller = stage.caller()

    caller.send("POST", "/api/chat", hello(num_predict=2))
    caller.send("GET", "/api/version")
    await asyncio.sleep(1)

    assert caller.data.index(b'"done":true') < caller.data.index(b"-sim")
    assert (await stage.stats())["connections"] == 2


@played
async def test_a_body_in_pieces_and_in_chunks_is_read() -> None:
    caller = Stage().caller()
    request = (
        b"POST /api/show HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'8\r\n{"model"\r\nd\r\n:"tiny-chat"}\r\n0\r\n\r\n'
    )

    for start in range(0, len(request), 7):
        caller.connection.data_received(request[start : start + 7])

    assert (await caller.reply()).status == 200


@played
async def test_a_caller_who_asks_is_told_to_send_its_body() -> None:
    caller = Stage().caller()

    caller.connection.data_received(
        b"POST /api/show HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    )

    assert caller.data == b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@played
async def test_a_connection_is_closed_where_it_should_not_stay(version: str) -> None:
    caller = Stage().caller()

    caller.connection.data_received(
        f"GET / HTTP/{version}\r\nConnection: close\r\n\r\n".encode()
    )
    reply = await caller.reply()
    await asyncio.sleep(0)

    assert reply.body == b"Ollama is running"
    assert caller.closed


@played
async def test_what_is_no_http_is_refused() -> None:
    caller = Stage().caller()

    caller.connection.data_received(b"\x16\x03\x01 hello\r\n\r\n")

    assert caller.data.startswith(b"HTTP/1.1 400")
    assert caller.closed


@played
async def test_a_foreign_origin_is_refused() -> None:
    stage = Stage()
    statuses = []
    for origin in ("https://evil.example", "http://localhost:3000", "app://x"):
        caller = stage.caller()
        caller.send("GET", "/api/tags", Origin=origin)
        statuses.append((await caller.reply()).status)

    assert statuses == [403, 200, 200]


@played
async def test_requests_are_recorded_with_their_headers() -> None:
    stage = Stage()
    caller = stage.caller()

    caller.send("POST", "/api/chat", hello(), X_Request_Id="r-1")
    await caller.reply()

    record = (await stage.records())[0]
    assert record["headers"]["x-request-id"] == "r-1"
    assert (record["state"], record["model"]) == ("done", "tiny-chat:latest")
    assert record["closed_at"] >= record["started"]
