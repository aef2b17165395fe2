"""A request goes out, and its answer comes in over a kept connection."""

from tests.fakes.wire_server import (
    LAST_CHUNK,
    WireServer,
    head,
    json_answer,
    line,
    stream_answer,
)
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
from worker.ollama.client import OllamaClient


def test_the_request_is_sent_with_its_headers(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    headers = {"X-Request-Id": "r1", "traceparent": "00-1"}
    future = in_thread(
        collect,
        client.open("/api/chat", b'{"a":1}', deadlines=PATIENT, headers=headers),
    )
    peer = server.accept()
    first, received, body = peer.read_request()
    peer.send(stream_answer([LAST]))

    assert answered(future) == [[LAST]]
    assert first == "POST /api/chat HTTP/1.1"
    assert received["x-request-id"] == "r1"
    assert received["traceparent"] == "00-1"
    assert body == b'{"a":1}'


def test_what_comes_in_one_read_is_given_in_one_list(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client))
    serve(server, stream_answer([TOKEN, TOKEN, LAST]))

    assert answered(future) == [[TOKEN, TOKEN, LAST]]


def test_a_token_is_given_as_soon_as_it_comes(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    with chat(client) as exchange:
        objects = iter(exchange)
        future = in_thread(next, objects)
        peer = serve(server, head() + line(TOKEN))
        first = answered(future)
        peer.send(line(LAST) + LAST_CHUNK)
        second = next(objects)

    assert (first, second) == ([TOKEN], [LAST])


def test_an_answer_that_is_not_streamed_is_one_object(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client))
    serve(server, json_answer(LAST))

    assert answered(future) == [[LAST]]


def test_a_finished_connection_serves_the_next_exchange(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client))
    peer = serve(server, stream_answer([LAST]))
    answered(future)
    again = in_thread(collect, chat(client))
    peer.read_request()
    peer.send(stream_answer([TOKEN, LAST]))

    assert answered(again) == [[TOKEN, LAST]]
    assert not server.has_another()


def test_the_end_of_the_body_may_come_after_the_last_line(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    with chat(client) as exchange:
        objects = iter(exchange)
        future = in_thread(next, objects)
        peer = serve(server, head() + line(LAST))
        answered(future)
        peer.send(LAST_CHUNK)
        assert next(objects, None) is None
    again = in_thread(collect, chat(client))
    peer.read_request()
    peer.send(stream_answer([LAST]))

    assert answered(again) == [[LAST]]


def test_a_whole_answer_whose_body_never_ends_costs_only_the_connection(
    server: WireServer, client: OllamaClient, in_thread: Submit
) -> None:
    future = in_thread(collect, chat(client))
    peer = serve(server, head() + line(LAST))

    assert answered(future) == [[LAST]]
    assert peer.is_left()
