"""Run Corral's processes for a test: workers and a beat, on real stores.

    with Stack(folder, database_url=…, redis_url=…, ollama_url=…) as stack:
        worker = stack.start_worker()
        job_id = stack.submit(owner_id=1)
        worker.kill()
        assert stack.wait(job_id)[0].state is State.SUCCEEDED

Jobs are submitted as the API does it: committed, then announced.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import httpx
import redis

from backend.core.broker import make_celery, send_ticket
from backend.core.catalogue import Catalogue
from backend.core.db import open_database
from backend.core.errors import DatabaseUnavailableError
from backend.core.hot_cursor import HotCursor
from backend.core.jobs.queue_room import QueueRoom
from backend.core.jobs.reads import JobReads
from backend.core.jobs.records import JobRecord
from backend.core.jobs.repository.insert import JobInsert
from backend.core.jobs.repository.position import JobPosition
from backend.core.jobs.repository.query import JobQuery
from backend.core.jobs.repository.transition import JobTransition
from backend.core.jobs.service import JobService
from backend.core.jobs.states import FINAL, State
from backend.core.limits.reservations import Reservations
from backend.core.queue import Announcer, Wake
from backend.core.redis_client import KeptConnections, connect
from backend.core.schema import upgrade
from backend.core.settings import Settings
from backend.core.streams.hub import Hub
from backend.core.streams.outsider import OutsiderStream
from tests.factories import EMBED_MODEL, MODEL, empty, new_job, settings_for
from tests.server_process import ServerProcess

ROOT = Path(__file__).parents[1]


class Role(ServerProcess):
    """One process of the platform."""

    def __init__(self, folder: Path, role: str, environment: dict[str, str]) -> None:
        folder.mkdir(exist_ok=True)
        super().__init__(folder)
        self.role = role
        self._environment = environment | {"WORKER_HEALTH_PORT": str(self.port)}

    def command(self) -> list[str]:
        unset = [f"-u{name}" for name in Settings.model_fields if name in os.environ]
        own = [f"{name}={value}" for name, value in self._environment.items()]
        program = [sys.executable, "-m", "worker.main", self.role]
        return ["env", "-C", str(ROOT), *unset, *own, *program]

    def answers(self) -> bool:
        """Return whether it is ready."""
        try:
            url = f"http://127.0.0.1:{self.port}/health/ready"
            return httpx.get(url, trust_env=False, timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def metric(self, name: str) -> float:
        """Return the sum of a metric over its labels."""
        url = f"http://127.0.0.1:{self.port}/metrics"
        text = httpx.get(url, trust_env=False, timeout=10).text
        lines = [line.rsplit(" ", 1) for line in text.splitlines()]
        return sum(float(value) for key, value in lines if key.split("{")[0] == name)

    def is_down(self) -> bool:
        """Return whether it was ended, or has ended by itself."""
        return self._process is None or self._process.poll() is not None

    def terminate(self) -> None:
        """Send SIGTERM and return at once."""
        self._running().terminate()

    def terminate_if_it_runs(self) -> None:
        """Send SIGTERM, also to a paused process, and return at once."""
        if self._process is not None:
            self._process.terminate()
            self._process.send_signal(signal.SIGCONT)

    def wait(self, seconds: float = 60) -> int:
        """Wait for its end and return its status."""
        status = self._running().wait(seconds)
        self._process = None
        return status

    def said(self) -> str:
        """Return its log."""
        return self.log.read_text(errors="replace")


class Stack:
    """The processes of one test, and a way to submit and watch jobs."""

    def __init__(
        self,
        folder: Path,
        *,
        database_url: str,
        redis_url: str,
        ollama_url: str,
        **settings: Any,
    ) -> None:
        self._folder = folder
        self.settings = settings_for(
            database_url, redis_url=redis_url, ollama_base_url=ollama_url, **settings
        )
        own = {name.upper(): _text(value) for name, value in settings.items()}
        self._environment = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "OLLAMA_BASE_URL": ollama_url,
            "MODEL_PRELOAD_ENABLED": "false",
            **own,
        }
        self.roles: list[Role] = []
        self.database = open_database(self.settings)
        self.redis = connect(redis_url, timeout_seconds=2)
        self.query = JobQuery(self.database)
        self.transition = JobTransition(
            self.database, max_failures=3, queue_ms=self.settings.queue_timeout
        )
        self.hub = Hub(self.redis, lambda ids: self.query.get_many(ids, payload=False))
        self.kept = KeptConnections(self.redis)
        self.reservations = Reservations(self.kept)
        self.service = self._service()

    def _service(self) -> JobService:
        celery = make_celery(self.settings, socket_timeout_seconds=2)
        return JobService(
            insert=JobInsert(
                self.database, head_start=self.settings.priority_head_start
            ),
            query=self.query,
            reads=JobReads(self.query, JobPosition(self.database)),
            transition=self.transition,
            announcer=Announcer(Wake(self.kept), lambda m: send_ticket(celery, m)),
            hub=self.hub,
            outsider=OutsiderStream(self.redis, lifetime_ms=600_000),
            room=QueueRoom(self.query, max_queued=100_000),
            reservations=self.reservations,
        )

    def __enter__(self) -> Self:
        upgrade(self.database)
        empty(self.database)
        Catalogue(self.database).seed([MODEL, EMBED_MODEL])
        return self

    def __exit__(self, *exception: object) -> None:
        for role in self.roles:
            role.terminate_if_it_runs()
        for role in self.roles:
            role.stop()
        self.hub.stop()
        self.database.dispose()
        self.kept.close()
        self.redis.close()

    def start_worker(self, **settings: Any) -> Role:
        """Start a worker and return it once it is ready."""
        return self.start(self.role("worker", **settings))[0]

    def start_beat(self, **settings: Any) -> Role:
        """Start a beat and return it once it is ready."""
        return self.start(self.role("beat", **settings))[0]

    def role(self, name: str, **settings: Any) -> Role:
        """Prepare a process."""
        own = {key.upper(): _text(value) for key, value in settings.items()}
        folder = self._folder / f"{name}-{len(self.roles)}"
        role = Role(folder, name, self._environment | own)
        self.roles.append(role)
        return role

    @staticmethod
    def start(*roles: Role) -> "tuple[Role, ...]":
        """Start processes together; return when all are ready."""
        for role in roles:
            role.begin()
        for role in roles:
            role.wait_until_ready()
        return roles

    def submit(self, **over: Any) -> str:
        """Submit a job as the API does; give its id."""
        return self.service.submit(new_job(**over)).job_id

    def submit_many(self, count: int, **over: Any) -> list[str]:
        """Submit many jobs in few transactions."""
        jobs = [new_job(**over) for _ in range(count)]
        for begin in range(0, count, 100):
            self.service.submit_all(jobs[begin : begin + 100])
        return [job.id for job in jobs]

    def cancel(self, job_id: str) -> None:
        """Cancel a job as the API does."""
        self.service.cancel(self.job(job_id))

    def job(self, job_id: str) -> JobRecord:
        """Read a job."""
        found = self.query.get(job_id)
        assert found is not None
        return found

    def wait(self, *ids: str, seconds: float = 60) -> list[JobRecord]:
        """Return the jobs when all have ended."""
        self.until(lambda: not self.unfinished(ids), seconds, lambda: self.story(ids))
        found = {job.id: job for job in self.query.get_many(ids, payload=True)}
        return [found[job_id] for job_id in ids]

    def wait_until_running(self, *ids: str, seconds: float = 30) -> None:
        """Return when all of the jobs run."""
        self.until(
            lambda: set(self._states(ids)) == {State.RUNNING},
            seconds,
            lambda: self.story(ids),
        )

    def unfinished(self, ids: Sequence[str]) -> int:
        """Count those that have not ended."""
        return sum(state not in FINAL for state in self._states(ids))

    def _states(self, ids: Sequence[str]) -> list[State]:
        return [job.state for job in self.query.get_many(ids, payload=False)]

    def story(self, ids: Sequence[str]) -> str:
        """Tell why a test waits in vain."""
        states = sorted(self._states(ids))
        counts = {str(state): states.count(state) for state in set(states)}
        tails = [f"{role.role}:\n{role.said()[-3000:]}" for role in self.roles]
        return "\n".join([str(counts), *tails])

    @staticmethod
    def until(
        is_so: Callable[[], bool],
        seconds: float = 30,
        story: Callable[[], str] = lambda: "",
    ) -> float:
        """Wait until something is so; give how long that took."""
        began = time.monotonic()
        while not _now(is_so):
            if time.monotonic() - began > seconds:
                raise AssertionError(f"not so within {seconds} s: {story()}")
            time.sleep(0.02)
        return time.monotonic() - began

    def attempts(self, ids: Sequence[str]) -> dict[str, list[str]]:
        """Give the outcomes of all attempts of each job, in order."""
        outcomes: dict[str, list[str]] = {job_id: [] for job_id in ids}

        def read(cursor: HotCursor) -> list[tuple[Any, ...]]:
            cursor.execute(
                "SELECT job_id,outcome FROM job_attempts ORDER BY job_id,attempt"
            )
            return cursor.rows()

        for job_id, outcome in self.database.read(read):
            if job_id in outcomes:
                outcomes[job_id].append(outcome)
        return outcomes


def _now(is_so: Callable[[], bool]) -> bool:
    try:
        return is_so()
    except (DatabaseUnavailableError, redis.RedisError, httpx.TransportError):
        # The test restarts what is asked.
        return False


def _text(value: Any) -> str:
    return ",".join(value) if isinstance(value, (list, tuple)) else str(value)
