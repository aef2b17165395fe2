"""The ledger: after 2,000 mixed calls usage is what was committed, and was told.

The calls go through the API and a worker, 64 at a time: chats, streams, completions,
embeddings; some fail in the middle, are mistaken, cancelled or given up, or expire.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations

import httpx
import pytest
from sqlalchemy import delete, func, select, text

from backend.core.catalogue import Catalogue
from backend.core.db import transaction
from backend.core.jobs.states import FINAL, State
from backend.core.keys import Keys, Scope
from backend.core.models import Base, Job, UsageHour
from backend.core.usage.rollup import Rollup
from tests.fakes.api_process import ApiProcess
from tests.integration.jobs.conftest import MakeStack
from tests.integration.jobs.mixed_calls import (
    DROPPING,
    HANGING,
    NOWHERE,
    Callers,
    Told,
)
from tests.integration.jobs.mixed_calls import SORTS as NATIVE_SORTS
from tests.integration.jobs.protocol_calls import PROTOCOL_SORTS
from tests.integration.jobs.slow_sums import COLUMNS, grouped, lines_of, summed
from tests.ollama_server import OllamaServer
from tests.stack import Stack

# It takes 12 s of two idle cores, and much more of busy ones.
pytestmark = pytest.mark.timeout(400)

CALLS = 2_000
# 25 sorts, so that each has as many calls.
SORTS = (*NATIVE_SORTS, *PROTOCOL_SORTS)
# Far more than is used, so that nothing is refused.
LIMITS = {"rpm": 10**6, "tpm": 10**9, "daily_tokens": 10**9, "max_concurrency": 10**4}
AT_ONCE = 64
GROUPINGS = [
    *combinations(COLUMNS, 1),
    *combinations(COLUMNS, 2),
    ("key", "user", "model", "node", "hour"),
    tuple(COLUMNS),
]


@dataclass(frozen=True)
class Run:
    """The run, when it is over."""

    stack: Stack
    api: ApiProcess
    admin: str
    keys: dict[str, str]
    told: list[Told]
    jobs: list[Job]

    def get(self, path: str, key: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key or self.admin}"}
        url = f"{self.api.url}/api/v1/usage{path}"
        reply = httpx.get(url, headers=headers, timeout=60, trust_env=False)
        assert reply.status_code == 200, reply.text
        return reply


@pytest.fixture(scope="module")
def ollama() -> Iterator[OllamaServer]:
    models = ["tiny-chat", "tiny-embed", DROPPING, HANGING]
    options = {"num_parallel": 64, "max_loaded_models": 9, "models": models}
    with OllamaServer.start(**options) as ollama:
        yield ollama


@pytest.fixture(scope="module")
def run(
    make_stack: MakeStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Run]:
    with make_stack(
        worker_concurrency=48,
        ollama_num_parallel=16,
        ollama_max_retries=1,
        circuit_breaker_threshold=10_000,
        retry_base_delay=10,
        retry_max_delay=20,
        recovery_interval=500,
        # Hours are rolled up when the last test says so.
        usage_interval=3_600_000,
        # However busy the machine is, no attempt is lost: that would be another story.
        lease_time=60_000,
    ) as stack:
        Catalogue(stack.database).seed([NOWHERE, DROPPING, HANGING])
        keys = {
            f"{user}'s {name}": _key(stack, user, name, **limits)
            for user, name, limits in KEYS
        }
        admin = _key(stack, "root", "admin", *Scope)
        with _api(stack, tmp_path_factory) as api:
            stack.start(stack.role("worker"), stack.role("beat"))
            secrets = list(keys.values())
            callers = Callers(api.url, secrets, SORTS, at_once=AT_ONCE)
            told = callers.call(CALLS)
            stack.wait(*[one.id for one in told])
            yield Run(stack, api, admin, keys, told, _jobs(stack))


KEYS: list[tuple[str, str, dict[str, int]]] = [
    ("ann", "laptop", LIMITS),
    ("ann", "server", {}),
    ("bob", "laptop", LIMITS),
]


def _key(stack: Stack, user: str, name: str, *scopes: Scope, **limits: int) -> str:
    scopes = scopes or (Scope.INFERENCE, Scope.READ)
    keys = Keys(stack.database)
    return keys.create(user=user, name=name, scopes=scopes, **limits)[0]


def _api(stack: Stack, folders: pytest.TempPathFactory) -> ApiProcess:
    settings = stack.settings
    return ApiProcess(
        folders.mktemp("api"),
        database_url=settings.database_url.get_secret_value(),
        redis_url=settings.redis_url.get_secret_value(),
    )


def _jobs(stack: Stack) -> list[Job]:
    with transaction(stack.database.sessions) as session:
        return list(session.execute(select(Job)).scalars())


def each_accepted_call_is_one_job_that_has_ended(run: Run) -> None:
    assert len(run.jobs) == len({one.id for one in run.told}) == CALLS
    assert {job.state for job in run.jobs} == set(FINAL)


def usage_in_every_grouping_is_the_sum_of_the_commits(run: Run) -> None:
    for names in GROUPINGS:
        report = run.get(f"?group_by={','.join(names)}").json()

        assert lines_of(report, names) == grouped(run.jobs, names), names
        assert report["total"] == summed(run.jobs), names


def usage_is_what_the_callers_were_told(run: Run) -> None:
    told = {one.id: one for one in run.told}
    heard = [one for one in run.told if one.state is not None]
    left = [job for job in run.jobs if told[job.id].state is None]
    succeeded = [one for one in heard if one.state == State.SUCCEEDED]
    (line,) = run.get("?group_by=none").json()["data"]

    assert len(left) == CALLS // len(SORTS)
    states = Counter(one.state for one in heard)
    states.update(job.state for job in left)
    assert {state: line[state] for state in states} == states
    assert all(one.prompt_tokens for one in succeeded)
    for name in ("prompt_tokens", "completion_tokens"):
        paid = sum(getattr(one, name) or 0 for one in heard)
        paid += sum(getattr(job, name) or 0 for job in left)
        assert line[name] == paid


def what_did_not_succeed_counts_what_it_received(run: Run) -> None:
    by_model: dict[str, list[Job]] = {}
    for job in run.jobs:
        by_model.setdefault(job.model, []).append(job)

    cut = [job.completion_tokens for job in by_model[DROPPING]]
    stopped = [job.completion_tokens for job in by_model[HANGING]]
    assert set(cut) == {2}
    assert set(stopped) <= {1, 2, 3}
    assert max(stopped) == 3
    # It never ran.
    assert {job.completion_tokens for job in by_model[NOWHERE]} == {None}
    failed = [job for job in run.jobs if job.state != State.SUCCEEDED]
    assert {job.prompt_tokens for job in failed} == {None}


def the_list_of_calls_has_each_once_and_the_same_tokens(run: Run) -> None:
    reply = run.get("/calls?format=csv")
    rows = list(csv.DictReader(io.StringIO(reply.text, newline="")))

    assert sorted(row["id"] for row in rows) == sorted(job.id for job in run.jobs)
    total = run.get("?group_by=none").json()["total"]
    for name in ("prompt_tokens", "completion_tokens"):
        assert sum(int(row[name] or 0) for row in rows) == total[name]


def each_user_sees_its_own_calls(run: Run) -> None:
    totals = [run.get("?group_by=key", key).json() for key in run.keys.values()]

    requests = [total["total"]["requests"] for total in totals]
    assert requests[0] == requests[1]
    assert requests[1] + requests[2] == CALLS
    assert [len(total["data"]) for total in totals] == [2, 2, 1]


def the_worker_counted_the_same_tokens(run: Run) -> None:
    (worker,) = [role for role in run.stack.roles if role.role == "worker"]
    counted = {
        job.id: (job.prompt_tokens or 0) + (job.completion_tokens or 0)
        for job in run.jobs
    }

    assert worker.metric("corral_tokens_total") == sum(counted.values())
    # Each of those that were cut off was tried twice.
    assert worker.metric("corral_lost_tokens_total") == 2 * CALLS // len(SORTS)


def nothing_is_left_of_the_calls(run: Run) -> None:
    assert run.stack.query.queued_count(1) == 0
    assert run.stack.unfinished([one.id for one in run.told]) == 0


def no_reservation_is_left_and_what_was_taken_is_charged(run: Run) -> None:
    keys, reservations = Keys(run.stack.database), run.stack.reservations
    for secret in run.keys.values():
        limits = keys.recognise(secret).limits
        if limits is None:
            continue
        standing = reservations.standing(limits.subjects[0])
        own = [job for job in run.jobs if job.limits_id == limits.lineage_id]
        taken = summed(own)

        assert standing.places == standing.reserved == 0
        assert standing.charged == taken["total_tokens"] > 0


def usage_is_the_same_when_its_hours_are_rolled_up(run: Run) -> None:
    names = ("key", "user", "model", "node", "kind", "protocol")
    before = [run.get(f"?group_by={name}").json()["data"] for name in names]

    with _hours_ago(run.stack, 3):
        assert Rollup(run.stack.database).run() >= 1

        after = [run.get(f"?group_by={name}").json()["data"] for name in names]
        assert after == before
        assert _count(run.stack, UsageHour) > 0


@contextmanager
def _hours_ago(stack: Stack, hours: int) -> Iterator[None]:
    """Let all have ended so long ago, for a while."""
    _shift(stack, -hours)
    try:
        yield
    finally:
        _shift(stack, hours)
        with transaction(stack.database.sessions) as session:
            session.execute(delete(UsageHour))


def _shift(stack: Stack, hours: int) -> None:
    moved = text(f"UPDATE jobs SET finished_at=finished_at + INTERVAL {hours} HOUR")
    with transaction(stack.database.sessions) as session:
        session.execute(moved)


def _count(stack: Stack, table: type[Base]) -> int:
    with transaction(stack.database.sessions) as session:
        return session.execute(select(func.count()).select_from(table)).scalar_one()


# One run for all of them, so they are parts of one test.
CHECKS = (
    each_accepted_call_is_one_job_that_has_ended,
    usage_in_every_grouping_is_the_sum_of_the_commits,
    usage_is_what_the_callers_were_told,
    what_did_not_succeed_counts_what_it_received,
    the_list_of_calls_has_each_once_and_the_same_tokens,
    each_user_sees_its_own_calls,
    the_worker_counted_the_same_tokens,
    nothing_is_left_of_the_calls,
    no_reservation_is_left_and_what_was_taken_is_charged,
    usage_is_the_same_when_its_hours_are_rolled_up,
)


def test_after_2000_mixed_calls_usage_is_what_was_committed_and_told(
    run: Run, subtests: pytest.Subtests
) -> None:
    for check in CHECKS:
        with subtests.test(check.__name__):
            check(run)
