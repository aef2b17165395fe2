"""Scheduled maintenance, pulls, preload, cleanup and the breaker, on real processes."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import select

from backend.core.db import transaction
from backend.core.identifiers import oldest_uuid7
from backend.core.jobs.states import Kind, State
from backend.core.maintenance import Maintenance
from backend.core.models import Job
from backend.core.names import node_lane
from backend.core.streams.frames import channel
from tests.factories import EMBED_MODEL, MODEL
from tests.integration.core.calls import call, ended, total
from tests.integration.jobs.conftest import MakeStack
from tests.ollama_server import OllamaServer
from tests.stack import Stack

CHAT = {"messages": [{"role": "user", "content": "Hi"}], "options": {"sim_tokens": 3}}
HANGING = {
    "messages": [{"role": "user", "content": "Hi"}],
    "options": {"sim_tokens": 5_000, "sim_tokens_per_second": 10},
}


def pull(stack: Stack, model: str) -> str:
    return stack.submit(
        kind=Kind.PULL, model=model, lane=node_lane("local"), request={"model": model}
    )


@pytest.fixture(autouse=True)
def _as_new(ollama: OllamaServer) -> None:
    ollama.reset()
    ollama.configure(pull_seconds=0.2)


def test_rule_16_a_pull_is_a_job_with_progress_and_then_its_model_is_served(
    make_stack: MakeStack, ollama: OllamaServer
) -> None:
    ollama.configure(pull_seconds=2)
    with make_stack() as stack:
        stack.start(stack.role("worker"), stack.role("beat"))
        pubsub = stack.redis.pubsub(ignore_subscribe_messages=True)
        pubsub.psubscribe(channel("*"))
        pubsub.get_message(timeout=1)
        job_id = pull(stack, "fresh-model:1b")
        stack.until(lambda: bool(stack.job(job_id).progress))

        (job,) = stack.wait(job_id)

        assert job.state is State.SUCCEEDED
        assert job.result == {"status": "success"}
        told = []
        while (message := pubsub.get_message(timeout=0.5)) is not None:
            lines = message["data"].splitlines()
            told += [line for line in lines if b"progress" in line]
        assert any(b'"completed":' in line for line in told)
        pubsub.close()
        (answer,) = stack.wait(stack.submit(model="fresh-model:1b", request=CHAT))
        assert answer.state is State.SUCCEEDED


def test_a_pull_that_fails_says_why(make_stack: MakeStack) -> None:
    with make_stack(retry_base_delay=10, retry_max_delay=20) as stack:
        stack.start(stack.role("worker"), stack.role("beat"))

        (job,) = stack.wait(pull(stack, "missing-model:1b"))

        assert job.state is State.FAILED
        assert (job.error or {})["code"] == "model_not_found"


def test_the_preload_list_is_pulled_loaded_and_kept(
    make_stack: MakeStack, ollama: OllamaServer
) -> None:
    settings = {
        "model_preload_enabled": True,
        "model_preload_list": ("brand-new:1b", "tiny-chat"),
        "preload_interval": 500,
    }
    with make_stack(**settings) as stack:
        stack.start(stack.role("worker"), stack.role("beat"))

        def loaded() -> set[str]:
            answer = httpx.get(f"{ollama.url}/api/ps", trust_env=False).json()
            return {
                model["name"]
                for model in answer["models"]
                if int(model["expires_at"][:4]) > 2200
            }

        stack.until(lambda: loaded() >= {"brand-new:1b", MODEL}, 40)
        works = stack.query.recent_node_work(owner_id=1)
        kinds = [(work.kind, work.model) for work in works]
        assert kinds.count((Kind.PULL, "brand-new:1b")) == 1
        assert kinds.count((Kind.LOAD, "brand-new:1b")) == 1

        def report() -> dict[str, Any]:
            rows = {row.name: row for row in Maintenance(stack.database).runs()}
            detail: dict[str, Any] = orjson.loads(rows["preload"].detail or "{}")
            return detail

        stack.until(lambda: report().get("lacking") == [], 20)


def test_cleanup_unloads_the_idle_model_and_never_the_preloaded(
    make_stack: MakeStack, ollama: OllamaServer
) -> None:
    settings = {
        # Any use of this machine's memory is above it.
        "model_memory_threshold": 0.0,
        "model_preload_enabled": True,
        "model_preload_list": ("tiny-embed",),
        "cleanup_interval": 500,
        "preload_interval": 500,
    }
    with make_stack(**settings) as stack:
        stack.start(stack.role("worker"), stack.role("beat"))
        stack.wait(stack.submit(request=CHAT))

        def loaded() -> list[str]:
            answer = httpx.get(f"{ollama.url}/api/ps", trust_env=False).json()
            return [model["name"] for model in answer["models"]]

        stack.until(lambda: loaded() == [EMBED_MODEL], 40)
        tags = httpx.get(f"{ollama.url}/api/tags", trust_env=False).json()
        assert MODEL in [model["name"] for model in tags["models"]]


def test_rule_16_maintenance_runs_while_all_generation_threads_are_busy(
    make_stack: MakeStack,
) -> None:
    with make_stack(worker_concurrency=2, ollama_num_parallel=2) as stack:
        stack.start(stack.role("worker"), stack.role("beat"))
        busy = [stack.submit(request=HANGING) for _ in range(2)]
        stack.wait_until_running(*busy)
        waiting = stack.submit(request=CHAT, queue_ms=1_000)

        (job,) = stack.wait(waiting, seconds=20)

        assert job.state is State.EXPIRED
        for job_id in busy:
            stack.cancel(job_id)
        stack.wait(*busy)


def test_rule_16_two_beats_are_harmless(make_stack: MakeStack) -> None:
    with make_stack() as stack:
        stack.start(stack.role("worker"), stack.role("beat"), stack.role("beat"))
        before = _runs(stack)
        began = time.monotonic()
        stack.wait(*[stack.submit(request=CHAT) for _ in range(20)])
        stack.until(lambda: _runs(stack) - before >= 5)
        seconds = time.monotonic() - began

        # An interval is a second, and half of one must have passed between two runs.
        assert _runs(stack) - before <= 2 * (seconds + 1)


def _runs(stack: Stack) -> float:
    return sum(
        role.metric("corral_maintenance_runs_total")
        for role in stack.roles
        if role.role == "beat"
    )


def test_a_breaker_opens_after_failures_and_closes_by_a_probe(
    make_stack: MakeStack, ollama: OllamaServer
) -> None:
    settings = {
        "circuit_breaker_threshold": 3,
        "circuit_breaker_timeout": 2_000,
        "retry_base_delay": 10,
        "retry_max_delay": 20,
        "ollama_num_parallel": 1,
    }
    with make_stack(**settings) as stack:
        stack.start(stack.role("worker"), stack.role("beat"))
        ollama.set_fault(MODEL, "error", status=500, text="boom", count=3)
        failing = stack.submit(request=CHAT)
        stack.until(lambda: stack.job(failing).failures == 3)
        opened = time.time()
        waiting = stack.submit(request=CHAT)

        jobs = stack.wait(failing, waiting)

        assert [job.state for job in jobs] == [State.SUCCEEDED] * 2
        after = [r for r in ollama.requests(path="/api/chat") if r["fault"] is None]
        assert min(r["started"] for r in after) - opened > 1


def test_usage_is_rolled_up_and_outlives_its_jobs(make_stack: MakeStack) -> None:
    settings = {"usage_interval": 500, "retention_interval": 500, "job_retention": 1000}
    with make_stack(**settings) as stack:
        long_ago = datetime.now(UTC) - timedelta(hours=3)
        # Retention looks for old ids first.
        old = {"id": oldest_uuid7(long_ago.timestamp()), "completion_tokens": 7}
        ended(stack.database, call(long_ago, **old))
        stack.start_beat()

        stack.until(lambda: no_job_is_left(stack))

        assert total(stack.database).completion_tokens == 7


def no_job_is_left(stack: Stack) -> bool:
    with transaction(stack.database.sessions) as session:
        return session.execute(select(Job.id)).first() is None
