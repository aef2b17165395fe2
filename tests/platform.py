"""All of Corral as it runs in production, for tests that call it as clients do.

    with Platform.start(folder, database_url=…) as platform:
        client = OpenAI(base_url=f"{platform.url}/v1", api_key=platform.key())

API, worker, beat and simulator are processes; the database has all tables, and Redis
is its own.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from backend.core.db import Database, open_database
from backend.core.jobs.records import JobRecord
from backend.core.jobs.repository.query import Filters, JobQuery
from backend.core.keys import Keys, Scope
from tests.factories import settings_for
from tests.fakes.api_process import ApiProcess
from tests.ollama_server import OllamaServer
from tests.servers import RedisServer
from tests.stack import Role

MODELS = ("tiny-chat", "tiny-tools", "tiny-think", "tiny-embed", "tiny-vision")
USUAL = (Scope.INFERENCE, Scope.READ)


@dataclass(frozen=True)
class Platform:
    """A running platform and what a test wants of it."""

    api: ApiProcess
    worker: Role
    ollama: OllamaServer
    database: Database
    redis: redis.Redis
    environment: dict[str, str]
    folder: Path

    @property
    def url(self) -> str:
        """Give the base URL of the API."""
        return self.api.url

    def key(self, user: str = "ann", *scopes: Scope, **more: Any) -> str:
        """Make a key."""
        secret, _ = Keys(self.database).create(
            user=user, name="test", scopes=scopes or USUAL, **more
        )
        return secret

    def jobs(self, **filters: Any) -> list[JobRecord]:
        """List the jobs, newest first."""
        return JobQuery(self.database).page(Filters(**filters), limit=500, after=None)

    def job(self, job_id: str) -> JobRecord:
        """Read a job."""
        found = JobQuery(self.database).get(job_id)
        assert found is not None
        return found


@contextmanager
def running(
    folder: Path,
    *,
    database_url: str,
    simulator: Mapping[str, Any] | None = None,
    **settings: str,
) -> Iterator[Platform]:
    """Run a platform.

    Args:
        folder: For its processes' files.
        database_url: Of a database with all tables.
        simulator: Options of the simulated Ollama.
        settings: By the names of their variables.
    """
    with ExitStack() as stack:
        redis_server = stack.enter_context(RedisServer(_made(folder / "redis")))
        ollama = stack.enter_context(
            OllamaServer.start(
                **{"num_parallel": 8, "models": MODELS, **(simulator or {})}
            )
        )
        environment = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_server.url(),
            "OLLAMA_BASE_URL": ollama.url,
            "OLLAMA_NUM_PARALLEL": "8",
            "WORKER_CONCURRENCY": "12",
            "MODEL_PRELOAD_ENABLED": "false",
            # Many tests break the same model; one must not shut it to the next.
            "ENABLE_CIRCUIT_BREAKER": "false",
            **settings,
        }
        worker = Role(folder / "worker", "worker", environment)
        # Its recovery sends the tickets of what is to be tried again.
        beat = Role(folder / "beat", "beat", environment)
        api = ApiProcess(
            _made(folder / "api"),
            database_url=database_url,
            redis_url=redis_server.url(),
            **{k: v for k, v in environment.items() if not k.endswith("_URL")},
        )
        for process in (worker, beat, api):
            stack.callback(process.stop)
            process.begin()
        for process in (worker, beat, api):
            process.wait_until_ready()
        database = open_database(
            settings_for(database_url, redis_url=redis_server.url()), connections=5
        )
        stack.callback(database.dispose)
        client = redis.Redis.from_url(redis_server.url())
        stack.callback(client.close)
        yield Platform(api, worker, ollama, database, client, environment, folder)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
