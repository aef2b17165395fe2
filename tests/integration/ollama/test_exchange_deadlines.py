"""Deadlines reach the socket (JOBS.md 26)."""

import time
from concurrent.futures import Future
from typing import Any

import pytest

from tests.fakes.wire_server import Peer, WireServer, chunk, head, line
from tests.integration.ollama.exchanges import (
    TOKEN,
    Submit,
    answered,
    chat,
    collect,
    serve,
)
from worker.ollama.client import OllamaClient
from worker.ollama.deadlines import Deadlines
from worker.ollama.errors import (
    AttemptTimeoutError,
    FirstTokenTimeoutError,
    StalledError,
)


def test_nothing_at_all_is_a_first_token_timeout(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client, Deadlines(0.05, 30, 30)))
    peer = serve(server)

    with pytest.raises(FirstTokenTimeoutError):
        answered(future)
    assert peer.is_left()


def test_a_head_alone_is_no_first_token(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client, Deadlines(0.05, 30, 30)))
    serve(server, head())

    with pytest.raises(FirstTokenTimeoutError):
        answered(future)


def test_silence_after_a_token_is_a_stall(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client, Deadlines(30, 0.05, 30)))
    peer = serve(server, head() + line(TOKEN))

    with pytest.raises(StalledError):
        answered(future)
    assert peer.is_left()


def test_silence_without_a_limit_ends_with_the_attempt(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client, Deadlines(30, None, 0.1)))
    serve(server, head() + line(TOKEN))

    with pytest.raises(AttemptTimeoutError):
        answered(future)


def trickle(peer: Peer, data: bytes, future: "Future[Any]") -> None:
    while not future.done():
        try:
            peer.send(data)
        except OSError:
            return
        time.sleep(0.01)


def test_tokens_do_not_keep_an_attempt_alive_beyond_its_deadline(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client, Deadlines(30, 30, 0.2)))
    trickle(serve(server, head()), line(TOKEN), future)

    with pytest.raises(AttemptTimeoutError):
        answered(future)


def test_bytes_that_are_no_objects_do_not_count_as_a_sign_of_life(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client, Deadlines(30, 0.1, 30)))
    trickle(serve(server, head() + line(TOKEN)), chunk(b" "), future)

    with pytest.raises(StalledError):
        answered(future)


def test_an_attempt_without_time_sends_nothing(
    server: WireServer, client: OllamaClient
) -> None:
    with pytest.raises(AttemptTimeoutError):
        collect(chat(client, Deadlines(30, 30, 0)))
    assert not server.has_another()


def test_a_server_that_does_not_read_is_a_timeout(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    exchange = client.open(
        "/api/chat", b" " * 30_000_000, deadlines=Deadlines(0.1, 30, 30)
    )
    future = in_thread(collect, exchange)
    server.accept()

    with pytest.raises(FirstTokenTimeoutError):
        answered(future)
