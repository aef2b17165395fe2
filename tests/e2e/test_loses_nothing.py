"""Whatever is killed while 200 jobs are in flight: none is lost, none is done twice."""

import time
from collections.abc import Callable

import pytest

from tests.e2e.load import JOBS, Load
from tests.e2e.stack import WORKERS, Stack, StackError, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

Report = Callable[[str], None]

# JOBS.md 5: a lease of 6 s, recovery every second, and the claim.
RECOVERED_SECONDS = 10.0
# How long something stays away before somebody starts it again.
AWAY_SECONDS = 2.0


@pytest.fixture
def workers(stack: Stack) -> list[str]:
    stack.scale_workers(WORKERS)
    return stack.containers("worker")


def test_three_workers_share_the_load(
    stack: Stack, workers: list[str], report: Report
) -> None:
    load = Load(stack)
    load.wait_until_final()

    shares = load.workers()
    report(f"jobs per worker: {sorted(shares.values())}")
    assert set(shares) == {container[:12] for container in workers}
    assert min(shares.values()) > JOBS / WORKERS / 3


@pytest.mark.parametrize("service", ["app", "worker", "beat", "redis"])
def test_a_killed_service_costs_no_job(
    stack: Stack, workers: list[str], report: Report, service: str
) -> None:
    load = Load(stack)
    load.wait_until_under_way()
    containers = stack.containers(service)

    stack.compose("kill", service)
    time.sleep(AWAY_SECONDS)
    stack.run("docker", "start", *containers)

    load.wait_until_final()
    seconds = load.seconds_to_an_answer(stack.moment(containers[0], "StartedAt"))
    report(f"{service} killed: a new answer {seconds:.1f} s after it was started again")
    assert load.states() == {"succeeded": JOBS}
    assert load.commits() == {1: JOBS}


def test_a_restart_of_the_database_costs_no_job(
    stack: Stack, workers: list[str], report: Report
) -> None:
    load = Load(stack)
    load.wait_until_under_way()

    stack.compose("restart", "db")

    load.wait_until_final()
    started_at = stack.moment(stack.containers("db")[0], "StartedAt")
    seconds = load.seconds_to_an_answer(started_at)
    report(f"db restarted: a new answer {seconds:.1f} s after its start")
    assert load.states() == {"succeeded": JOBS}
    assert load.commits() == {1: JOBS}


def test_what_a_killed_worker_held_runs_again_in_ten_seconds(
    stack: Stack, workers: list[str], report: Report
) -> None:
    load = Load(stack)
    load.wait_until_under_way()
    victim = workers[0]

    stack.run("docker", "kill", victim)
    killed_at = stack.moment(victim, "FinishedAt")

    load.wait_until_final()
    stack.run("docker", "start", victim)
    seconds = load.recovered(victim[:12], killed_at)
    report(f"1 of {WORKERS} workers killed: its jobs ran again after {seconds} s")
    assert seconds
    assert max(seconds) <= RECOVERED_SECONDS
    assert load.states() == {"succeeded": JOBS}
    assert load.commits() == {1: JOBS}


def test_a_stopped_worker_hands_back_what_it_cannot_finish(
    stack: Stack, workers: list[str], report: Report
) -> None:
    load = Load(stack)
    load.wait_until_under_way()

    started = time.monotonic()
    stack.compose("stop", "worker")
    seconds = time.monotonic() - started
    left = load.states()
    stack.compose("start", "worker")

    report(f"three workers drained in {seconds:.1f} s")
    assert left["running"] == 0
    assert seconds < 45
    load.wait_until_final()
    assert load.states() == {"succeeded": JOBS}
    assert load.commits() == {1: JOBS}


def test_everything_is_healthy_again(stack: Stack) -> None:
    def well() -> bool:
        text = stack.compose("ps", "--all", "--format", "{{.Service}} {{.Status}}")
        running = [line for line in text.splitlines() if "migrate" not in line]
        return all("(healthy)" in line for line in running)

    try:
        eventually(well, seconds=60, what="all containers are healthy")
    except AssertionError:
        raise AssertionError(stack.compose("ps", "--all")) from None
    with pytest.raises(StackError):
        stack.compose("exec", "-T", "app", "false")
