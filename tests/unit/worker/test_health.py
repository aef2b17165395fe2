from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from worker import health
from worker.health import Health


@pytest.fixture
def problems() -> dict[str, str | None]:
    return {"redis": None}


@pytest.fixture
def url(problems: dict[str, str | None]) -> Iterator[str]:
    checks = Health(
        live={"process": lambda: None},
        ready={"redis": lambda: problems["redis"], "ollama": lambda: None},
    )
    server = health.serve(checks, 0)
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def ask(url: str) -> tuple[int, Any]:
    answer = httpx.get(url, trust_env=False)
    return answer.status_code, answer.json()


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready"])
def test_all_is_well(url: str, path: str) -> None:
    status, body = ask(url + path)

    assert status == 200
    assert body["status"] == "ok"
    assert set(body["checks"].values()) == {"ok"}


def test_what_fails_is_named_and_the_process_stays_alive(
    url: str, problems: dict[str, str | None]
) -> None:
    problems["redis"] = "refused"

    assert ask(url + "/health/ready") == (
        503,
        {"status": "unhealthy", "checks": {"redis": "refused", "ollama": "ok"}},
    )
    assert ask(url + "/health")[0] == 503
    assert ask(url + "/health/live")[0] == 200


def test_other_addresses_are_not_there(url: str) -> None:
    assert ask(url + "/nope") == (404, {"status": "not_found"})


def test_metrics_are_prometheus_text(url: str) -> None:
    answer = httpx.get(url + "/metrics", trust_env=False)

    assert answer.status_code == 200
    assert "corral_running_jobs" in answer.text
