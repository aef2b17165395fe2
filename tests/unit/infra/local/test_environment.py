"""A demo's secrets are generated, kept and private."""

import subprocess
from pathlib import Path

import pytest

from infra.local import env_file, environment
from infra.local.folder import DemoFolder
from infra.local.parts import Ports, Upstream, parts

PORTS = Ports(api=5001, ui=8501, redis=1, worker_health=2, beat_health=3, ollama_sim=4)
SIM = Upstream("http://127.0.0.1:4", simulated=True)


@pytest.fixture
def folder(tmp_path: Path) -> DemoFolder:
    folder = DemoFolder(tmp_path / "demo")
    folder.make()
    return folder


def test_a_key_is_generated_and_long_enough(folder: DemoFolder) -> None:
    key = environment.client_values(PORTS, folder)["CORRAL_API_KEY"]

    assert key.startswith("corral-")
    assert len(key) >= len("corral-") + 32


def test_a_password_is_generated_and_long_enough(folder: DemoFolder) -> None:
    client = environment.client_values(PORTS, folder)

    assert len(client["CORRAL_ADMIN_PASSWORD"]) >= 16
    assert client["CORRAL_ADMIN_USER"] == "admin"


def test_the_secrets_of_an_earlier_run_stay(folder: DemoFolder) -> None:
    first = environment.client_values(PORTS, folder)
    folder.write_private(folder.env, env_file.text(first))

    assert environment.client_values(PORTS, folder) == first


def test_a_private_file_was_never_readable_by_others(folder: DemoFolder) -> None:
    folder.env.write_text("open to all")

    folder.write_private(folder.env, "closed")

    assert folder.env.stat().st_mode & 0o777 == 0o600


def test_a_shell_reads_an_env_file_as_it_was_written(tmp_path: Path) -> None:
    values = {"A": "plain", "B": "with 'quotes' and $dollars"}
    path = tmp_path / "env"
    path.write_text(env_file.text(values))

    shell = subprocess.check_output(["sh", "-c", f'. {path}; printf "%s" "$B"'])

    assert shell.decode() == values["B"]
    assert env_file.read(path) == values


def test_what_the_demo_decides_wins_over_the_callers_environment() -> None:
    env = environment.processes(
        {"DATABASE_URL": "mysql://elsewhere", "WORKER_CONCURRENCY": "9"},
        {"DATABASE_URL": "sqlite:///here"},
    )

    assert env["DATABASE_URL"] == "sqlite:///here"
    assert env["WORKER_CONCURRENCY"] == "9"


def test_a_caller_may_set_how_long_a_drain_takes() -> None:
    env = environment.processes({"WORKER_DRAIN_TIMEOUT": "9s"}, environment.DRAIN)

    assert env["WORKER_DRAIN_TIMEOUT"] == "9s"


def test_nothing_on_this_machine_is_asked_through_a_proxy() -> None:
    env = environment.processes({"NO_PROXY": "intra.net"}, {})

    assert env["NO_PROXY"] == "intra.net,127.0.0.1,localhost"


def test_no_command_line_and_no_part_shows_a_secret(folder: DemoFolder) -> None:
    client = environment.client_values(PORTS, folder)
    settings = environment.settings(
        PORTS, folder, client=client, password="secret", upstream=SIM
    )
    shown = repr(parts(PORTS, folder, redis=Path("/redis"), upstream=SIM))

    assert "secret" in settings["REDIS_URL"]
    for name, given in (("KEY", "API_KEY"), ("PASSWORD", "ADMIN_PASSWORD")):
        assert settings[f"CORRAL_ADMIN_{name}"] == client[f"CORRAL_{given}"]
        assert client[f"CORRAL_{given}"] not in shown
    assert "secret" not in shown


def test_the_simulator_runs_only_where_no_ollama_answers(folder: DemoFolder) -> None:
    real = Upstream("http://127.0.0.1:11434", simulated=False)

    with_sim = parts(PORTS, folder, redis=Path("/redis"), upstream=SIM)
    without = parts(PORTS, folder, redis=Path("/redis"), upstream=real)

    assert {part.name for part in with_sim} - {part.name for part in without} == {
        "ollama-sim"
    }
