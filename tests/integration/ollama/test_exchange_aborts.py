"""Cancels reach the socket (JOBS.md 22), and leaving does too."""

import pytest

from tests.fakes.wire_server import WireServer, head, line, stream_answer
from tests.integration.ollama.exchanges import (
    LAST,
    PATIENT,
    TOKEN,
    Submit,
    answered,
    chat,
    collect,
    serve,
)
from worker.ollama.abort import AbortSwitch, ExchangeAbortedError
from worker.ollama.client import OllamaClient


def test_leaving_early_closes_the_connection(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    with chat(client) as exchange:
        future = in_thread(next, iter(exchange))
        peer = serve(server, head() + line(TOKEN))
        answered(future)

    assert peer.is_left()


def test_an_exchange_that_is_never_iterated_sends_nothing(
    server: WireServer, client: OllamaClient
) -> None:
    with chat(client):
        pass

    assert not server.has_another()


def test_an_abort_before_the_start_keeps_it_from_connecting(
    server: WireServer, client: OllamaClient
) -> None:
    switch = AbortSwitch()
    exchange = chat(client, switch=switch)
    switch.abort("cancelled")

    with pytest.raises(ExchangeAbortedError, match="cancelled"):
        collect(exchange)
    assert not server.has_another()


def test_an_abort_before_the_head_reaches_the_server(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    switch = AbortSwitch()
    exchange = chat(client, switch=switch)
    future = in_thread(collect, exchange)
    peer = serve(server)
    switch.abort("cancelled")

    assert peer.is_left()
    with pytest.raises(ExchangeAbortedError, match="cancelled"):
        answered(future)


def test_an_abort_in_mid_stream_reaches_the_server(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    switch = AbortSwitch()
    with chat(client, switch=switch) as exchange:
        objects = iter(exchange)
        first = in_thread(next, objects)
        peer = serve(server, head() + line(TOKEN))
        answered(first)
        second = in_thread(next, objects)
        switch.abort("cancelled")
        switch.abort("again")

        assert peer.is_left()
        with pytest.raises(ExchangeAbortedError, match="cancelled"):
            answered(second)


def test_an_abort_on_a_reused_connection_reaches_the_server(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    switch = AbortSwitch()
    future = in_thread(collect, chat(client))
    peer = serve(server, stream_answer([LAST]))
    answered(future)
    exchange = chat(client, switch=switch)
    again = in_thread(collect, exchange)
    peer.read_request()
    switch.abort("cancelled")

    assert peer.is_left()
    with pytest.raises(ExchangeAbortedError):
        answered(again)


def test_an_abort_while_sending_reaches_the_server(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    switch = AbortSwitch()
    exchange = client.open(
        "/api/chat", b" " * 30_000_000, deadlines=PATIENT, switch=switch
    )
    future = in_thread(collect, exchange)
    peer = server.accept()
    switch.abort("cancelled")

    with pytest.raises(ExchangeAbortedError):
        answered(future)
    with pytest.raises(ConnectionError):
        peer.read_request()


def test_what_came_before_an_abort_is_not_given_after_it(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    switch = AbortSwitch()
    with chat(client, switch=switch) as exchange:
        objects = iter(exchange)
        future = in_thread(next, objects)
        peer = serve(server, head() + line(TOKEN))
        answered(future)
        peer.send(line(TOKEN))
        switch.abort("cancelled")

        with pytest.raises(ExchangeAbortedError):
            next(objects)


def test_an_abort_after_the_end_leaves_the_connection_alone(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    switch = AbortSwitch()
    exchange = chat(client, switch=switch)
    future = in_thread(collect, exchange)
    peer = serve(server, stream_answer([LAST]))
    answered(future)
    switch.abort("too late")
    again = in_thread(collect, chat(client))
    peer.read_request()
    peer.send(stream_answer([LAST]))

    assert answered(again) == [[LAST]]


def test_an_abort_between_the_last_line_and_the_end_keeps_the_answer(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    switch = AbortSwitch()
    with chat(client, switch=switch) as exchange:
        objects = iter(exchange)
        future = in_thread(next, objects)
        peer = serve(server, head() + line(LAST))
        answered(future)
        switch.abort("too late")
        assert next(objects, None) is None

    assert peer.is_left()


def test_one_switch_ends_all_that_share_it(
    server: WireServer, client: OllamaClient
) -> None:
    switch = AbortSwitch()
    switch.abort("drained")

    with pytest.raises(ExchangeAbortedError, match="drained"):
        collect(chat(client, switch=switch))
