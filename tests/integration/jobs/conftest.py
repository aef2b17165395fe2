import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.ollama_server import OllamaServer
from tests.servers import MariaDbServer, RedisServer
from tests.stack import Stack

MakeStack = Callable[..., AbstractContextManager[Stack]]


@pytest.fixture(scope="module")
def ollama() -> Iterator[OllamaServer]:
    with OllamaServer.start(num_parallel=64, max_loaded_models=9) as ollama:
        yield ollama


@pytest.fixture(autouse=True)
def _no_faults(ollama: OllamaServer) -> None:
    ollama.clear_faults()


@pytest.fixture(scope="module")
def make_stack(
    mariadb: MariaDbServer,
    redis_server: RedisServer,
    ollama: OllamaServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> MakeStack:
    """Give what makes a stack on databases of its own, empty ones."""
    numbers = itertools.count()

    def make(**settings: Any) -> AbstractContextManager[Stack]:
        # Two stacks of one module would take each other's tickets.
        own = next(numbers) % 16
        with redis_server.client(own) as client:
            client.flushdb()
        folder: Path = tmp_path_factory.mktemp("stack")
        return Stack(
            folder,
            database_url=mariadb.create_database(
                f"stack_{folder.name.replace('-', '_')}"
            ),
            redis_url=redis_server.url(own),
            ollama_url=ollama.url,
            **settings,
        )

    return make


@pytest.fixture(scope="module")
def stack(make_stack: MakeStack) -> Iterator[Stack]:
    """Give a worker and a beat that stay up while a file is tested."""
    with make_stack(
        worker_concurrency=8,
        ollama_num_parallel=4,
        circuit_breaker_threshold=1000,
        retry_base_delay=50,
        retry_max_delay=100,
    ) as stack:
        stack.start(stack.role("worker"), stack.role("beat"))
        yield stack
