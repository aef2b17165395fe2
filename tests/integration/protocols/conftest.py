from collections.abc import Iterator
from pathlib import Path

import httpx
import ollama
import pytest

from backend.core.keys import Scope
from tests.conftest import migrated
from tests.integration.protocols.ollama_python import client_of
from tests.platform import Platform, running
from tests.servers import MariaDbServer


@pytest.fixture(scope="session")
def shared_platform(
    mariadb: MariaDbServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Platform]:
    """Run a platform for all tests of this process."""
    url = migrated(mariadb.create_database("corral_platform"))
    folder: Path = tmp_path_factory.mktemp("platform")
    with running(folder, database_url=url) as platform:
        yield platform


@pytest.fixture
def platform(shared_platform: Platform) -> Platform:
    """Give the platform with an Ollama that has no faults."""
    shared_platform.ollama.clear_faults()
    return shared_platform


@pytest.fixture
def http(platform: Platform) -> Iterator[httpx.Client]:
    """Call the platform without any vendor's client."""
    headers = {"Authorization": f"Bearer {platform.key()}"}
    with httpx.Client(base_url=platform.url, headers=headers, timeout=60) as client:
        yield client


@pytest.fixture
def ollama_client(platform: Platform) -> Iterator[ollama.Client]:
    """Give Ollama's own client with a usual key."""
    with client_of(platform, platform.key()) as client:
        yield client


@pytest.fixture
def ollama_admin(platform: Platform) -> Iterator[ollama.Client]:
    """Give Ollama's own client with an administrator's key."""
    with client_of(platform, platform.key("root", *Scope)) as client:
        yield client


@pytest.fixture
def slowly(platform: Platform) -> Iterator[None]:
    """Let tokens come one by one, so that an answer can be interrupted."""
    platform.ollama.configure(tokens_per_second=40)
    yield
    platform.ollama.configure(tokens_per_second=0)


@pytest.fixture
def paced(platform: Platform) -> Iterator[Platform]:
    """Give the platform with an Ollama that takes its time for each token."""
    platform.ollama.configure(tokens_per_second=50)
    yield platform
    platform.ollama.configure(tokens_per_second=0)
