"""The command line, against the real database and Redis."""

from pathlib import Path

import pytest

from backend.api.container import Services
from backend.core.accounts.passwords import Passwords
from backend.core.accounts.users import Users
from backend.core.errors import (
    JobNotFoundError,
)
from backend.core.keys import Keys
from backend.core.settings import Settings, SettingsError
from tests.factories import open_test_database
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import Api
from tests.integration.api.cli_runs import ADMIN_KEY, Run
from tests.integration.api.test_requests import snapshot

ADMIN_PASSWORD = "the very first one"


def test_a_new_database_is_migrated_seeded_and_gets_its_first_key(
    run: Run, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", sqlite_url)
    monkeypatch.setenv("CORRAL_ADMIN_USER", "chief")
    monkeypatch.setenv("CORRAL_ADMIN_PASSWORD", ADMIN_PASSWORD)

    first, second = run("migrate"), run("migrate")

    assert first.exit_code == second.exit_code == 0, first.output
    assert "The first administrator, chief, was made." in first.output
    assert "first administrator's key was made" in first.output
    assert "was made" not in second.output
    database = open_test_database(sqlite_url)
    try:
        caller = Keys(database).recognise(ADMIN_KEY)
        user = Users(database, Passwords()).named("chief")
    finally:
        database.dispose()
    assert (caller.user_name, caller.is_admin) == ("chief", True)
    assert user.role == "admin"
    assert Passwords().matches(user.password_hash, ADMIN_PASSWORD)


def test_without_a_first_password_it_is_said_how_to_make_a_login(
    run: Run, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", sqlite_url)

    assert "`corral users create` makes log-ins" in run("migrate").output


def test_a_job_is_shown_and_cancelled(run: Run, ann: Api) -> None:
    job_id = ann.submit().json["id"]

    shown, cancelled = run("jobs", "show", job_id), run("jobs", "cancel", job_id)

    assert '"state": "queued"' in shown.output
    assert cancelled.output.strip() == f"{job_id} cancelled"


def test_a_failed_job_is_replayed(run: Run, ann: Api, worker: FakeWorker) -> None:
    request = {"messages": [{"role": "user", "content": "fail"}]}
    job_id = ann.submit(request=request, headers={"Prefer": "wait=20"}).json["id"]

    again = run("jobs", "replay", job_id).output.strip()

    job = ann.get(f"/api/v1/jobs/{again}").json
    assert job is not None
    assert job["replay_of"] == job_id


def test_an_unknown_job_is_said_to_be_unknown(run: Run) -> None:
    assert isinstance(run("jobs", "show", "x").exception, JobNotFoundError)


def test_a_model_is_pulled_to_every_live_node(
    run: Run, services: Services, settings: Settings
) -> None:
    services.cluster.publish(snapshot())
    services.cluster.publish(snapshot(node="far", incarnation="two"))

    lanes = ("node:local", "node:far")
    with FakeWorker(settings, services.database, lanes=lanes):
        pulled = run("models", "pull", "new:1b")

    assert pulled.exit_code == 0, pulled.output
    assert "new:1b on far: succeeded" in pulled.output
    assert "new:1b on local: succeeded" in pulled.output


def test_a_model_that_is_not_allowed_is_not_pulled(
    run: Run, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.cluster.publish(snapshot())
    monkeypatch.setenv("ALLOWED_MODELS", "tiny-chat")

    pulled = run("models", "pull", "new:1b")

    assert pulled.exit_code == 1
    assert "ALLOWED_MODELS does not name new:1b." in pulled.output


def test_without_a_worker_there_is_nowhere_to_pull_to(run: Run) -> None:
    pulled = run("models", "pull", "new:1b")

    assert pulled.exit_code == 1
    assert "No worker is running" in pulled.output


def test_the_doctor_finds_what_is_well(run: Run, services: Services) -> None:
    services.cluster.publish(snapshot())

    found = run("doctor")

    assert found.exit_code == 0, found.output
    assert found.output.count("ok  ") == 7


def test_the_doctor_says_what_to_do(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'empty.db'}")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("WORKER_CONCURENCY", "5")

    found = run("doctor")

    assert found.exit_code == 1
    assert "WORKER_CONCURENCY" in found.output
    assert "corral migrate" in found.output
    assert "REDIS_URL" in found.output


def test_the_doctor_says_which_setting_is_wrong(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql+pymysql://x:change-me@db/corral")

    found = run("doctor")

    assert found.exit_code == 1
    assert "DATABASE_URL" in found.output
    assert "example value" in found.output


def test_the_doctor_says_which_limit_is_wrong(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_IMAGE_BYTES", "2000000")
    monkeypatch.setenv("MAX_BODY_BYTES", "1000000")
    patterns = tmp_path / "patterns.txt"
    patterns.write_text("(unclosed")

    small = run("doctor")
    monkeypatch.setenv("BLOCKED_PATTERNS_FILE", str(patterns))
    broken = run("doctor")

    assert "MAX_BODY_BYTES lets images of 750000 bytes through" in small.output
    assert "BLOCKED_PATTERNS_FILE: line 1 is no regular expression" in broken.output
    assert small.exit_code == broken.exit_code == 1


def test_commands_do_not_need_the_file_of_blocked_patterns(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only the API's container has it.
    monkeypatch.setenv("BLOCKED_PATTERNS_FILE", "/nowhere")

    assert run("keys", "list").exit_code == 0


def test_other_commands_refuse_wrong_settings(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "")

    assert isinstance(run("keys", "list").exception, SettingsError)
