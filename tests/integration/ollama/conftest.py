from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import pytest

from tests.fakes.wire_server import WireServer
from worker.ollama.client import OllamaClient


class InThread(Protocol):
    def __call__(self, call: Callable[..., Any], *args: Any) -> "Future[Any]": ...


@pytest.fixture
def server() -> Iterator[WireServer]:
    with WireServer() as server:
        yield server


@pytest.fixture
def client(server: WireServer) -> Iterator[OllamaClient]:
    client = OllamaClient(server.url)
    yield client
    client.close()


@pytest.fixture
def in_thread() -> Iterator[InThread]:
    with ThreadPoolExecutor(4) as pool:
        yield pool.submit
