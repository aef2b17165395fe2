"""What the compose files promise, read as YAML; `tests/e2e` starts them for real."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from backend.core.durations import milliseconds
from backend.core.settings import Settings
from frontend.settings import UiSettings
from tests.architecture.repository import ROOT, named

DEFAULT = ROOT / "docker-compose.yml"
DEVELOPMENT = ROOT / "docker-compose.dev.yml"
GPU = ROOT / "infra/gpu/docker-compose.gpu.yml"
FILES = (DEFAULT, DEVELOPMENT, GPU)
SERVICES = {
    "app",
    "streamlit_app",
    "db",
    "redis",
    "worker",
    "beat",
    "migrate",
    "ollama",
}
# It does its work and ends.
ONE_SHOT = {"migrate"}
OURS = {"app", "worker", "beat", "migrate"}
# Their images start as root; these run as the user that the image has for it.
RUN_AS = {"db": "mysql", "redis": "redis"}

# Any: a service is whatever YAML can say.
Service = dict[str, Any]


def services(path: Path) -> dict[str, Service]:
    found: dict[str, Service] = yaml.safe_load(path.read_text())["services"]
    return found


def effective(name: str, *paths: Path) -> Service:
    """Give a service of several files, each key from the last that has it."""
    merged: Service = {}
    for path in paths:
        merged |= services(path).get(name, {})
    return merged


def default_settings() -> Settings:
    return Settings(
        database_url=SecretStr("sqlite://"), redis_url=SecretStr("redis://x")
    )


def every_service() -> list[Any]:
    return [
        pytest.param(service, id=f"{named(path)}: {name}")
        for path in FILES
        for name, service in services(path).items()
    ]


def running() -> list[str]:
    return sorted(SERVICES - ONE_SHOT)


def test_the_services_are_those_of_the_design() -> None:
    assert set(services(DEFAULT)) == SERVICES


@pytest.mark.parametrize("path", [DEVELOPMENT, GPU], ids=named)
def test_an_override_changes_services_and_adds_none(path: Path) -> None:
    assert set(services(path)) <= SERVICES


@pytest.mark.parametrize("name", running())
def test_a_service_that_runs_is_watched_and_restarted(name: str) -> None:
    service = services(DEFAULT)[name]

    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("service", every_service())
def test_a_service_can_be_scaled_since_nothing_names_its_container(
    service: Service,
) -> None:
    assert "container_name" not in service
    assert "hostname" not in service
    assert "WORKER_ID" not in (service.get("environment") or {})


def test_only_the_api_and_the_ui_are_published_and_on_loopback() -> None:
    published = {
        name: service["ports"]
        for name, service in services(DEFAULT).items()
        if "ports" in service
    }

    assert published == {
        "app": ["${CORRAL_BIND:-127.0.0.1}:${CORRAL_API_PORT:-5001}:5001"],
        "streamlit_app": ["${CORRAL_BIND:-127.0.0.1}:${CORRAL_UI_PORT:-8501}:8501"],
    }


def test_what_developers_get_besides_is_published_on_loopback_only() -> None:
    ports = [
        port
        for service in services(DEVELOPMENT).values()
        for port in service.get("ports", [])
    ]

    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert any(port.endswith(":3008") for port in ports)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_container_has_no_capability_and_no_writable_system(name: str) -> None:
    service = services(DEFAULT)[name]

    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True


@pytest.mark.parametrize("name", sorted(RUN_AS))
def test_a_public_image_that_starts_as_root_is_given_its_own_user(name: str) -> None:
    assert services(DEFAULT)[name]["user"] == RUN_AS[name]


@pytest.mark.parametrize(
    "path",
    ["backend/Dockerfile", "frontend/Dockerfile", "infra/ollama-sim/Dockerfile"],
)
def test_an_image_of_ours_ends_as_an_ordinary_user(path: str) -> None:
    last_stage = (ROOT / path).read_text().rsplit("\nFROM ", 1)[1]

    assert re.findall(r"^USER (\S+)$", last_stage, re.MULTILINE)[-1:] != ["root"]
    assert re.search(r"^USER \S+$", last_stage, re.MULTILINE)


def test_the_database_the_queue_and_the_models_have_no_way_out_but_one() -> None:
    networks = yaml.safe_load(DEFAULT.read_text())["networks"]
    reaching = {
        name: set(service["networks"]) for name, service in services(DEFAULT).items()
    }

    assert networks["data"] == {"internal": True}
    assert networks["models"] == {"internal": True}
    assert reaching["db"] == reaching["redis"] == reaching["beat"] == {"data"}
    assert [name for name in reaching if "registry" in reaching[name]] == ["ollama"]
    assert {name for name in reaching if "models" in reaching[name]} == {
        "worker",
        "ollama",
    }
    assert reaching["streamlit_app"] == {"edge"}


@pytest.mark.parametrize("files", [(DEFAULT,), (DEFAULT, DEVELOPMENT)], ids=len)
def test_a_worker_has_time_to_finish_and_to_hand_back(files: tuple[Path, ...]) -> None:
    worker = effective("worker", *files)
    drain = (worker.get("environment") or {}).get("WORKER_DRAIN_TIMEOUT")
    drain_ms = milliseconds(drain or default_settings().worker_drain_timeout)

    assert milliseconds(worker["stop_grace_period"]) >= drain_ms + 10_000


def test_the_grace_of_a_worker_is_45_seconds() -> None:
    assert services(DEFAULT)["worker"]["stop_grace_period"] == "45s"
    assert default_settings().worker_drain_timeout == 30_000


def test_the_api_has_time_to_end_its_streams() -> None:
    grace = milliseconds(services(DEFAULT)["app"]["stop_grace_period"])

    assert grace >= default_settings().api_drain_timeout + 5_000


def test_nothing_starts_before_what_it_needs_is_healthy() -> None:
    for name in ("app", "worker", "beat"):
        needs = services(DEFAULT)[name]["depends_on"]

        assert needs["migrate"] == {"condition": "service_completed_successfully"}
        assert needs["db"] == needs["redis"] == {"condition": "service_healthy"}


def test_ollama_has_as_many_slots_as_the_workers_count_on() -> None:
    environment = services(DEFAULT)["ollama"]["environment"]
    slots = default_settings().ollama_num_parallel

    assert environment["OLLAMA_NUM_PARALLEL"] == f"${{OLLAMA_NUM_PARALLEL:-{slots}}}"


def test_no_secret_has_a_default() -> None:
    text = DEFAULT.read_text()

    for name in (
        "MYSQL_PASSWORD",
        "MYSQL_ROOT_PASSWORD",
        "REDIS_PASSWORD",
        "CORRAL_ADMIN_KEY",
    ):
        uses = re.findall(rf"(?<!\$)\${{{name}[^}}]*}}", text)
        assert uses
        assert set(uses) == {f"${{{name}:?run make up}}"}


@pytest.mark.parametrize("secret", ["CORRAL_ADMIN_KEY", "CORRAL_ADMIN_PASSWORD"])
def test_only_migrate_is_told_how_the_first_administrator_comes_in(
    secret: str,
) -> None:
    told = [
        name
        for name, service in services(DEFAULT).items()
        if (service.get("environment") or {}).get(secret)
    ]

    assert told == ["migrate"]
    assert all(
        services(DEFAULT)[name]["environment"][secret] == ""
        for name in OURS - {"migrate"}
    )


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_container_of_ours_sees_every_setting_but_not_the_others_passwords(
    name: str,
) -> None:
    service = services(DEFAULT)[name]

    assert service["env_file"] == [
        {"path": "${CORRAL_ENV_FILE:-.env}", "required": False}
    ]
    for secret in ("MYSQL_PASSWORD", "MYSQL_ROOT_PASSWORD", "REDIS_PASSWORD"):
        assert service["environment"][secret] == ""


@pytest.mark.parametrize("name", sorted(SERVICES - {"ollama"}))
def test_memory_is_bounded_and_developers_get_less(name: str) -> None:
    default = services(DEFAULT)[name]["mem_limit"]
    lower = services(DEVELOPMENT)[name]["mem_limit"]

    assert _megabytes(lower) < _megabytes(default)


def test_logs_do_not_fill_the_disk() -> None:
    for service in services(DEFAULT).values():
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}


def test_a_debugger_is_in_the_developers_image_only() -> None:
    built = [name for name in OURS if "build" in services(DEFAULT)[name]]
    dockerfile = (ROOT / "backend/Dockerfile").read_text()
    production = dockerfile.rsplit("\nFROM ", 1)[1]

    # The first to run builds it for all.
    assert built == ["migrate"]
    assert services(DEFAULT)["migrate"]["build"]["target"] == "production"
    assert "--from=build " in production
    assert "CORRAL_DEBUGGER" not in DEFAULT.read_text()


def _megabytes(limit: str) -> int:
    number, unit = re.fullmatch(r"(?:\${\w+:-)?(\d+)([mg])}?", limit).groups()  # type: ignore[union-attr]  # fails as a test should
    return int(number) * (1024 if unit == "g" else 1)


def test_what_the_ui_reads_is_passed_to_it_and_explained() -> None:
    passed = services(DEFAULT)["streamlit_app"]["environment"]
    guide = (ROOT / "docs/operating.md").read_text()
    names = {name.upper() for name in UiSettings.model_fields}

    # An image listens on all of its addresses.
    assert names - {"UI_HOST"} == set(passed)
    # Inside the container these are fixed.
    own = names - {"UI_HOST", "UI_PORT", "CORRAL_API_URL"}
    assert [name for name in sorted(own) if f"`{name}`" not in guide] == []
