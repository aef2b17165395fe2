"""Stand-ins for what generation works with; each has the real one's signatures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from backend.core.errors import DatabaseUnavailableError
from backend.core.jobs.records import Claimed, Due, Finish, Handback, Moved
from backend.core.jobs.repository.finish import Committed
from backend.core.jobs.states import Kind, State
from backend.core.limits.reservations import Settlement
from backend.core.streams.flusher import JobStream
from backend.core.streams.frames import EntryId
from tests.factories import MODEL, claimed_job
from worker.generation.body import ModelPolicy
from worker.ollama.abort import AbortSwitch
from worker.ollama.deadlines import Deadlines
from worker.resilience.breaker_store import Admission


class FakeClaim:
    """A lane of due jobs; `outages` makes the next calls fail."""

    def __init__(self, *due: Due) -> None:
        self.due = list(due)
        self.taken: list[str] = []
        self.looks = 0
        self.outages: list[bool] = []

    def _maybe_fail(self) -> None:
        if self.outages and self.outages.pop(0):
            raise DatabaseUnavailableError

    def look(
        self, lane: str, limit: int, *, most_bytes: int | None = None
    ) -> list[Due]:
        self._maybe_fail()
        self.looks += 1
        due = [job for job in self.due if f"gen:{job.model}" == lane][:limit]
        if most_bytes is None:
            return due
        short = (len(job.request) <= most_bytes for job in due)
        return [
            job if fits else replace(job, request=b"")
            for job, fits in zip(due, short, strict=True)
        ]

    def any_due(self, lane: str) -> bool:
        return bool(self.look(lane, 1))

    def take(self, due: Sequence[Due]) -> list[Claimed]:
        self._maybe_fail()
        free = {(job.id, job.attempt) for job in self.due}
        won = [job for job in due if (job.id, job.attempt) in free]
        gone = {job.id for job in won}
        self.due = [job for job in self.due if job.id not in gone]
        self.taken += [job.id for job in won]
        return [claimed_of(job) for job in won]


def claimed_of(job: Due) -> Claimed:
    values = {name: getattr(job, name) for name in Due.__slots__}
    return claimed_job(**(values | {"attempt": job.attempt + 1}))


class FakeFinish:
    """Commits ends, unless told otherwise."""

    def __init__(self) -> None:
        self.batches: list[list[Finish]] = []
        self.superseded: set[str] = set()
        self.outages = 0
        self.largest = 1_000_000

    def largest_result(self) -> int:
        if self.outages:
            self.outages -= 1
            raise DatabaseUnavailableError
        return self.largest

    @property
    def ends(self) -> dict[str, Finish]:
        return {finish.id: finish for batch in self.batches for finish in batch}

    def __call__(self, finishes: Sequence[Finish]) -> list[Committed | None]:
        if self.outages:
            self.outages -= 1
            raise DatabaseUnavailableError
        self.batches.append([f for f in finishes if f.id not in self.superseded])
        return [None if f.id in self.superseded else Committed() for f in finishes]


class FakeFlusher:
    """Remembers what streams were told."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.dropped: list[str] = []
        self.told: list[tuple[str, bytes]] = []
        self.restarted: list[str] = []
        self.soon: list[bool] = []

    def restart(self, stream: JobStream, data: bytes) -> None:
        self.restarted.append(stream.job_id)

    def last_place(self, stream: JobStream) -> EntryId:
        return EntryId(stream.attempt, stream.seq + 1)

    def announce_state(
        self, stream: JobStream, data: bytes, *, soon: bool = False
    ) -> None:
        self.told.append((stream.job_id, data))

    def add(
        self,
        stream: JobStream,
        text: str = "",
        thinking: str = "",
        tool_calls: list[dict[str, Any]] | None = None,
        *,
        soon: bool = True,
    ) -> None:
        stream.text.add(text, thinking, tool_calls)
        self.soon.append(soon)

    def end(self, ends: Sequence[tuple[JobStream, bytes, bytes | None]]) -> None:
        self.ended += [stream.job_id for stream, _, _ in ends]

    def drop(self, stream: JobStream) -> None:
        self.dropped.append(stream.job_id)


class FakeTransition:
    """Takes hand-backs; `verdict` is what comes of one."""

    def __init__(self) -> None:
        self.handbacks: list[Handback] = []
        self.progress: list[str] = []
        self.state: State | None = State.QUEUED
        self.outages = 0
        self.progress_away = False

    def hand_back(self, handback: Handback) -> Moved | None:
        if self.outages:
            self.outages -= 1
            raise DatabaseUnavailableError
        self.handbacks.append(handback)
        if self.state is None:
            return None
        at = (handback.id, handback.attempt, self.state)
        return Moved(*at, MODEL, MODEL, Kind.CHAT)

    def set_progress(self, job_id: str, attempt: int, progress: str) -> None:
        if self.progress_away:
            raise DatabaseUnavailableError
        self.progress.append(progress)


class FakeOutsider:
    """Remembers what readers were told of moved jobs."""

    def __init__(self) -> None:
        self.told: list[Moved] = []

    def moved(self, job: Moved) -> None:
        self.told.append(job)


class FakeReservations:
    """Remembers what was settled."""

    def __init__(self) -> None:
        self.settled: list[Settlement] = []
        self.moved: list[Moved] = []

    def settle(self, settlements: Sequence[Settlement]) -> int:
        self.settled += settlements
        return len(settlements)

    def settle_moved(self, job: Moved) -> None:
        self.moved.append(job)


class FakeModels:
    """A node whose models are all loaded, unless told otherwise."""

    def __init__(self) -> None:
        self.loaded = True
        self.seen: list[str] = []

    def policy(self, model: str) -> ModelPolicy:
        return ModelPolicy(60, None, 100, embeds="embed" in model)

    def is_loaded(self, model: str) -> bool:
        return self.loaded

    def saw_loaded(self, model: str) -> None:
        self.seen.append(f"loaded {model}")

    def saw_failing(self, model: str) -> None:
        self.seen.append(f"failing {model}")

    def refresh(self) -> None:
        self.seen.append("refreshed")

    def context(self, model: str) -> int | None:
        return 2_048

    def digest(self, model: str) -> str | None:
        return f"digest of {model}"

    def slots(self, model: str) -> int:
        return 4

    def served(self) -> list[str]:
        return [MODEL, "other:latest"]


class FakeBreaker:
    """Admits, and counts what it was told."""

    def __init__(self) -> None:
        self.admission = Admission(is_allowed=True)
        self.told: list[str] = []

    def admit(self, node: str, model: str) -> Admission:
        return self.admission

    def succeeded(self, node: str, model: str) -> None:
        self.told.append("succeeded")

    def failed(self, node: str, model: str) -> None:
        self.told.append("failed")

    def proved_nothing(self, node: str, model: str) -> None:
        self.told.append("nothing")


Embed = Callable[[dict[str, Any], Deadlines, AbortSwitch], dict[str, Any]]


class FakeOllama:
    """Answers embeddings by a function; a load may fail."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self.bodies: list[dict[str, Any]] = []
        self.limits: list[Deadlines] = []
        self.loads: list[str] = []
        self.on_load: Callable[[AbortSwitch], None] = lambda _: None

    def load(
        self,
        model: str,
        *,
        keep_alive: int | str | None,
        options: Mapping[str, Any],
        limits: Deadlines,
        shift: bool,
        is_embedding: bool = False,
        headers: Mapping[str, str] | None = None,
        switch: AbortSwitch | None = None,
    ) -> None:
        self.loads.append(model)
        assert switch is not None
        self.on_load(switch)

    def embed(
        self,
        body: dict[str, Any],
        deadlines: Deadlines,
        *,
        headers: Mapping[str, str] | None = None,
        switch: AbortSwitch | None = None,
    ) -> dict[str, Any]:
        assert switch is not None
        switch.check()
        self.bodies.append(body)
        self.limits.append(deadlines)
        return self._embed(body, deadlines, switch)
