"""The client reads what a real Ollama answered, line by line as it came."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.wire_server import (
    LAST_CHUNK,
    Peer,
    WireServer,
    answer,
    chunk,
    head,
)
from worker.ollama import errors
from worker.ollama.classify import classify
from worker.ollama.client import LAST_LINES, OllamaClient
from worker.ollama.deadlines import Deadlines

Recorded = dict[str, Any]

DATA = Path(__file__).parent / "data"
PATIENT = Deadlines(first_token_seconds=30, silence_seconds=30, attempt_seconds=30)


def recorded() -> list[Recorded]:
    return [
        {**json.loads(text), "id": f"{path.stem}-{number}"}
        for path in sorted(DATA.glob("*.jsonl"))
        for number, text in enumerate(path.read_text().splitlines(), start=1)
    ]


ALL = recorded()
# What goes through an Exchange.
LONG = [r for r in ALL if r["request"]["path"] in LAST_LINES]


def name(exchange: Recorded) -> str:
    return f"{exchange['id']} {exchange['name']}"


def selected(is_wanted: Callable[[Recorded], bool]) -> list[Any]:
    found = [r for r in LONG if is_wanted(r)]
    assert found
    return [pytest.param(r, id=name(r)) for r in found]


def is_refused(exchange: Recorded) -> bool:
    return bool(exchange["response"]["status"] >= 400)


def lines_of(exchange: Recorded) -> list[Recorded]:
    response = exchange["response"]
    if "lines" in response:
        return [json.loads(text) for text in response["lines"]]
    return [response["json"]]


def has_error_line(exchange: Recorded) -> bool:
    return not is_refused(exchange) and any("error" in x for x in lines_of(exchange))


def is_cut(exchange: Recorded) -> bool:
    return "cut_after_lines" in exchange or "cut_after_lines" in exchange["response"]


def is_whole(exchange: Recorded) -> bool:
    kinds = (is_refused, has_error_line, is_cut)
    return not any(is_kind(exchange) for is_kind in kinds)


def body_of(response: Recorded) -> bytes:
    if "text" in response:
        return str(response["text"]).encode()
    return json.dumps(response["json"]).encode() if "json" in response else b""


def replay(peer: Peer, response: Recorded) -> None:
    content_type = response["headers"].get("Content-Type", "")
    if "lines" not in response:
        status = response["status"]
        peer.send(answer(body_of(response), status=status, content_type=content_type))
        return
    lines = [chunk(text.encode() + b"\n") for text in response["lines"]]
    peer.send(head(content_type=content_type), *lines, LAST_CHUNK)


@pytest.fixture
def server() -> Iterator[WireServer]:
    with WireServer() as server:
        yield server


@pytest.fixture
def client(server: WireServer) -> Iterator[OllamaClient]:
    client = OllamaClient(server.url)
    yield client
    client.close()


Call = Callable[[], Any]


@pytest.fixture
def replayed(server: WireServer) -> Iterator[Callable[[Recorded, Call], Any]]:
    """Make a call while the server answers it with what was recorded."""
    with ThreadPoolExecutor(1) as pool:

        def run(exchange: Recorded, call: Call) -> Any:
            future: Future[Any] = pool.submit(call)
            peer = server.accept()
            peer.read_request()
            replay(peer, exchange["response"])
            return future.result(timeout=10)

        yield run


def reader(
    client: OllamaClient, exchange: Recorded, into: list[Recorded]
) -> Callable[[], None]:
    def read() -> None:
        path = exchange["request"]["path"]
        with client.open(path, b"{}", deadlines=PATIENT) as answer_:
            for objects in answer_:
                into.extend(objects)

    return read


@pytest.mark.parametrize("exchange", selected(is_whole))
def test_a_whole_answer_is_read_to_its_end(
    client: OllamaClient, replayed: Callable[..., Any], exchange: Recorded
) -> None:
    received: list[Recorded] = []
    replayed(exchange, reader(client, exchange, received))

    assert received == lines_of(exchange)


@pytest.mark.parametrize("exchange", selected(is_cut))
def test_an_answer_that_was_cut_is_never_taken_for_a_whole_one(
    client: OllamaClient, replayed: Callable[..., Any], exchange: Recorded
) -> None:
    received: list[Recorded] = []
    with pytest.raises(errors.StreamCutError):
        replayed(exchange, reader(client, exchange, received))

    assert received == lines_of(exchange)


@pytest.mark.parametrize("exchange", selected(has_error_line))
def test_an_error_line_ends_the_answer_with_its_error(
    client: OllamaClient, replayed: Callable[..., Any], exchange: Recorded
) -> None:
    received: list[Recorded] = []
    with pytest.raises(errors.OllamaError) as caught:
        replayed(exchange, reader(client, exchange, received))

    assert received == lines_of(exchange)[:-1]
    assert type(caught.value) in {
        errors.RunnerCrashedError,
        errors.RegistryUnreachableError,
    }


# By what the texts say: whose fault each is, and which code its job gets.
CODES_BY_STATUS = {
    400: {"invalid_upstream_request", "context_length_exceeded"},
    404: {"model_not_found"},
    405: {"upstream_error"},
    503: {"upstream_unavailable"},
}
CODES_OF_500 = {
    "option": "invalid_upstream_request",
    "invalid format": "invalid_upstream_request",
    "an error was encountered": "upstream_error",
    "pull model manifest": "upstream_unavailable",
}


@pytest.mark.parametrize("exchange", selected(is_refused))
def test_every_refusal_is_classified(
    client: OllamaClient, replayed: Callable[..., Any], exchange: Recorded
) -> None:
    response = exchange["response"]
    with pytest.raises(errors.OllamaError) as caught:
        replayed(exchange, reader(client, exchange, []))
    error = caught.value

    assert type(error) is not errors.OllamaError
    assert error.status == response["status"]
    if error.status == 500:
        codes = {c for t, c in CODES_OF_500.items() if error.detail.startswith(t)}
        assert codes == {error.code}
    else:
        assert error.code in CODES_BY_STATUS[response["status"]]


def errors_of_other_paths() -> list[Any]:
    return [
        pytest.param(r, id=name(r))
        for r in ALL
        if is_refused(r)
        and r["request"]["path"] not in LAST_LINES
        and not r["request"]["path"].startswith("/v1")
    ]


@pytest.mark.parametrize("exchange", errors_of_other_paths())
def test_the_refusals_of_the_other_paths_are_classified_too(exchange: Recorded) -> None:
    response = exchange["response"]
    error = classify(response["status"], body_of(response).decode())

    assert type(error) is not errors.OllamaError


def of_path(path: str, **request: Any) -> list[Any]:
    return [
        pytest.param(r, id=name(r))
        for r in ALL
        if r["request"]["path"] == path
        and r["response"]["status"] == 200
        and all(r["request"].get(k) == v for k, v in request.items())
    ]


@pytest.mark.parametrize("exchange", of_path("/api/version"))
def test_the_version_is_read(
    client: OllamaClient, replayed: Callable[..., Any], exchange: Recorded
) -> None:
    assert replayed(exchange, client.version) == "0.24.0"


@pytest.mark.parametrize("exchange", of_path("/api/tags"))
def test_the_installed_models_are_read(
    client: OllamaClient, replayed: Callable[..., Any], exchange: Recorded
) -> None:
    models = replayed(exchange, client.tags)

    assert {model.name for model in models} == {
        f"tiny-{kind}:latest" for kind in ("chat", "tools", "think", "embed")
    }
    assert all(model.size_bytes and model.digest for model in models)
    assert all(model.capabilities is None for model in models)


@pytest.mark.parametrize("exchange", of_path("/api/ps"))
def test_the_loaded_models_are_read(
    client: OllamaClient, replayed: Callable[..., Any], exchange: Recorded
) -> None:
    models = replayed(exchange, client.ps)
    listed = exchange["response"]["json"]["models"]

    assert [model.name for model in models] == [entry["name"] for entry in listed]
    assert all(model.expires_at and model.context_length for model in models)


@pytest.mark.parametrize("exchange", of_path("/api/show"))
def test_what_a_model_can_do_is_read(
    client: OllamaClient, replayed: Callable[..., Any], exchange: Recorded
) -> None:
    details = replayed(exchange, lambda: client.show("any"))

    expected = ("embedding",) if details.family == "bert" else ("completion",)
    assert details.capabilities[:1] == expected
    assert details.context_length in {512, 8192}
    assert details.embedding_length in {96, 512}
