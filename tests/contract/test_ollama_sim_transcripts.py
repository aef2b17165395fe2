"""The simulator answers every recorded exchange as the real Ollama did.

The exchanges of a file follow from each other (models are created and deleted, loaded
and unloaded), so each file is replayed once, in order and with its concurrency, against
one simulator; then each exchange is a test of its own.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby

import httpx
import pytest

from tests.contract.likeness import differences
from tests.contract.ollama_transcripts import Recorded, Reply, recorded
from tests.ollama_server import OllamaServer

pytestmark = pytest.mark.xdist_group("ollama-transcripts")  # replayed once
TINY = ("tiny-chat", "tiny-tools", "tiny-think", "tiny-embed")
API = recorded("api.jsonl")
LOAD = recorded("load-and-faults.jsonl")
# The recorded server was a real process on a CPU; these are quicker, but not instant.
LOAD_SECONDS, TOKENS_PER_SECOND = 0.2, 20_000
BUSY = "busy model"
TWELVE = "twelve at once"
# How many tokens the runner had sent when it was killed, by the record's line counts.
KILLED = {
    "runner killed in mid-stream": 19,
    "runner killed, not streamed": 19,
    "runner killed, OpenAI path, streamed": 14,
}

Replies = list[Reply]


def named(exchanges: list[Recorded]) -> list[str]:
    return [f"{number:03d} {each.name}" for number, each in enumerate(exchanges)]


def ask(client: httpx.Client, exchange: Recorded) -> Reply:
    request = client.build_request(
        exchange.method,
        exchange.path,
        content=exchange.content,
        headers={"Content-Type": "application/json"},
    )
    response = client.send(request, stream=True)
    try:
        return _reply(response, exchange)
    finally:
        response.close()


def _reply(response: httpx.Response, exchange: Recorded) -> Reply:
    content_type = response.headers.get("content-type", "")
    if "ndjson" in content_type or "event-stream" in content_type:
        lines: list[str] = []
        for line in response.iter_lines():
            lines.append(line)
            if len(lines) == exchange.cut_after_lines:
                break
        return Reply(response.status_code, dict(response.headers), lines=lines)
    response.read()
    is_json = "json" in content_type and exchange.method != "HEAD"
    body = response.json() if is_json else response.text
    return Reply(response.status_code, dict(response.headers), body=body)


@pytest.fixture(scope="module")
def api_replies() -> Iterator[Replies]:
    with (
        OllamaServer.start(models=TINY, registry="offline") as ollama,
        httpx.Client(base_url=ollama.url, trust_env=False) as client,
    ):
        yield [ask(client, exchange) for exchange in API]


@pytest.mark.parametrize("number", range(len(API)), ids=named(API))
def test_an_answer_is_like_the_recorded_one(api_replies: Replies, number: int) -> None:
    expected = API[number].reply

    if API[number].path == "/api/version":
        assert api_replies[number].body == {"version": "0.24.0-sim"}
    else:
        assert differences(expected, api_replies[number]) == []


@pytest.fixture(scope="module")
def load_replies() -> Iterator[Replies]:
    with (
        OllamaServer.start(
            models=TINY,
            num_parallel=1,
            max_loaded_models=1,
            max_queue=2,
            load_seconds=LOAD_SECONDS,
            tokens_per_second=TOKENS_PER_SECOND,
        ) as ollama,
        httpx.Client(base_url=ollama.url, trust_env=False) as client,
        ThreadPoolExecutor(16) as threads,
    ):
        yield list(Scenario(ollama, client, threads).replies())


class Scenario:
    """The recorded session with a server of one slot, one model and a queue of two."""

    def __init__(
        self, ollama: OllamaServer, client: httpx.Client, threads: ThreadPoolExecutor
    ) -> None:
        self._ollama = ollama
        self._client = client
        self._threads = threads

    def replies(self) -> Iterator[Reply]:
        """Replay, those of one group at once."""
        for _, group in groupby(LOAD, key=_group_of):
            exchanges = list(group)
            if exchanges[0].name in KILLED:
                self._kill_after(KILLED[exchanges[0].name])
            if exchanges[0].name.startswith(TWELVE):
                yield from self._twelve(exchanges)
            else:
                waiting = [self._start(exchange) for exchange in exchanges]
                yield from (reply.result() for reply in waiting)

    def _kill_after(self, tokens: int) -> None:
        self._ollama.set_fault("tiny-chat", "crash", count=1, after_tokens=tokens)

    def _start(self, exchange: Recorded) -> Future[Reply]:
        """Send a request, and return once the server has it."""
        before = self._seen()
        reply = self._threads.submit(ask, self._client, exchange)
        self._ollama.wait_for(lambda _: self._seen() > before)
        return reply

    def _seen(self) -> int:
        return len(self._ollama.requests())

    def _twelve(self, exchanges: list[Recorded]) -> Iterator[Reply]:
        """Send those first that were served: who they are was chance when recorded."""
        served = [each for each in exchanges if each.reply.status == 200]
        first = [self._start(each) for each in served]
        others = [
            self._threads.submit(ask, self._client, each)
            for each in exchanges
            if each not in served
        ]
        yield from (reply.result() for reply in [*others, *first])


def _group_of(exchange: Recorded) -> str:
    return BUSY if exchange.name.startswith(BUSY) else exchange.name


@pytest.mark.parametrize("number", range(len(LOAD)), ids=named(LOAD))
def test_an_answer_under_load_is_like_the_recorded_one(
    load_replies: Replies, number: int
) -> None:
    assert differences(LOAD[number].reply, load_replies[number]) == []


def test_a_difference_is_noticed(api_replies: Replies) -> None:
    chat = next(n for n, each in enumerate(API) if each.name == "chat stream, warm")
    expected = API[chat].reply
    assert expected.lines is not None
    spoilt: list[Callable[[list[str]], list[str]]] = [
        lambda lines: lines[:-1],
        lambda lines: lines[1:],
        lambda lines: [lines[0].replace("assistant", "user"), *lines[1:]],
        lambda lines: [*lines[:-1], lines[-1].replace("length", "stop")],
        lambda lines: [*lines[:-1], lines[-1].replace("eval_count", "count")],
    ]

    for spoil in spoilt:
        reply = Reply(200, api_replies[chat].headers, lines=spoil(expected.lines))
        assert differences(expected, reply)
