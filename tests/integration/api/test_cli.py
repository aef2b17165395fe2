"""The command line, against the real database and Redis."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from backend.api.cli import commands
from backend.api.commands import users
from backend.api.container import Services
from backend.core.account_errors import (
    KeyNotFoundError,
    UserNotFoundError,
)
from backend.core.accounts.passwords import Passwords
from backend.core.accounts.users import Users
from backend.core.errors import (
    AppError,
    ExpiredKeyError,
    InvalidRequestError,
    JobNotFoundError,
)
from backend.core.jobs.states import Priority
from backend.core.keys import Keys, Scope
from backend.core.limits.decision import KeyLimits
from backend.core.settings import Settings, SettingsError
from tests.factories import open_test_database
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import Api
from tests.integration.api.test_requests import snapshot

ADMIN_KEY = "corral-" + "a" * 32
ADMIN_PASSWORD = "the very first one"
Run = Callable[..., Result]


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    url = settings.database_url.get_secret_value()
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("REDIS_URL", settings.redis_url.get_secret_value())
    monkeypatch.setenv("CORRAL_ADMIN_KEY", ADMIN_KEY)
    monkeypatch.delenv("CORRAL_ADMIN_PASSWORD", raising=False)


@pytest.fixture
def run(services: Services, environment: None) -> Run:
    def invoke(*words: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(commands, list(words), input=stdin)

    return invoke


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


def test_a_user_is_made_listed_changed_and_deleted(
    run: Run, services: Services
) -> None:
    made = run("users", "create", "eve", "--role", "viewer", stdin="her first words\n")
    listed = run("users", "list").output
    changed = [
        run("users", "passwd", "eve", stdin="her next words\n"),
        run("users", "role", "eve", "user"),
        run("users", "disable", "eve"),
    ]
    disabled = run("users", "list").output
    run("users", "enable", "eve")
    eve = services.accounts.users.named("eve")
    deleted = run("users", "delete", "eve")

    assert made.exit_code == 0, made.output
    assert "words" not in made.output
    assert re.search(r"eve +viewer +active", listed)
    assert [result.exit_code for result in changed] == [0, 0, 0]
    assert re.search(r"eve +user +disabled", disabled)
    assert eve.disabled_at is None
    assert Passwords().matches(eve.password_hash, "her next words")
    assert deleted.output == "eve is deleted.\n"
    assert isinstance(run("users", "enable", "eve").exception, UserNotFoundError)


def test_who_only_has_keys_is_listed_as_having_no_password(run: Run, ann: Api) -> None:
    assert re.search(r"ann +user +no password", run("users", "list").output)


def test_at_a_terminal_a_password_is_asked_for_twice(
    run: Run, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def prompt(text: str, **how: Any) -> str:
        asked.append({"text": text} | how)
        return "her first words"

    monkeypatch.setattr(users, "_is_terminal", lambda: True)
    monkeypatch.setattr(users.click, "prompt", prompt)

    assert run("users", "create", "eve").output == "eve can log in now.\n"
    assert asked == [
        {"text": "Password", "hide_input": True, "confirmation_prompt": True}
    ]


@pytest.mark.parametrize("words", [("two words",), ("eve",)])
def test_a_user_that_cannot_be_is_told_why(run: Run, words: tuple[str]) -> None:
    made = run("users", "create", *words, stdin="short\n")

    assert isinstance(made.exception, InvalidRequestError)
    assert "users" not in run("users", "list").output


def test_a_key_is_made_listed_and_revoked(run: Run, services: Services) -> None:
    secret = run("keys", "create", "--user", "eve", "--days", "1").output.strip()
    caller = services.keys.recognise(secret)
    listed = run("keys", "list").output
    revoked = run("keys", "revoke", caller.key_prefix)
    unknown = run("keys", "revoke", "corral-unknown")

    assert caller.user_name == "eve"
    assert caller.key_prefix in listed
    assert secret not in listed
    assert revoked.exit_code == 0
    assert isinstance(unknown.exception, KeyNotFoundError)
    assert "disabled" in run("keys", "list").output
    with pytest.raises(AppError):
        services.keys.recognise(secret)


def test_a_key_is_made_and_changed_with_limits(run: Run, services: Services) -> None:
    limits = ["--rpm", "5", "--daily-tokens", "900", "--max-concurrency", "0"]
    secret = run("keys", "create", "--model", "Tiny-Chat", *limits).output.strip()
    prefix = services.keys.recognise(secret).key_prefix
    before = services.keys.recognise(secret)
    listed = run("keys", "list").output
    changes = ["--rpm", "0", "--tpm", "70", "--name", "desk", "--scope", "read"]

    changed = run("keys", "update", f"{prefix}…", "--all-models", *changes)

    assert before.limits == KeyLimits(before.key_id, rpm=5, daily_tokens=900)
    assert before.scopes == {Scope.INFERENCE, Scope.READ}
    assert not before.may_use("tiny-embed:latest")
    assert "rpm=5 daily_tokens=900" in listed
    assert changed.exit_code == 0, changed.output
    after = services.keys.recognise(secret)
    assert after.limits == KeyLimits(before.key_id, tpm=70, daily_tokens=900)
    assert (after.key_name, after.scopes) == ("desk", {Scope.READ})
    assert after.may_use("tiny-embed:latest")


def test_a_keys_end_is_set_and_taken_away(run: Run, services: Services) -> None:
    made = run("keys", "create", "--days", "2", "--highest-priority", "low")
    secret = made.output.strip()
    before = services.keys.recognise(secret)

    run("keys", "update", str(before.key_id), "--days", "0", "--weight", "3")

    after = services.keys.recognise(secret)
    assert before.expires_at is not None
    assert (after.expires_at, after.weight) == (None, 3.0)
    assert after.highest_priority is before.highest_priority is Priority.LOW


def test_a_key_is_rotated_disabled_enabled_and_deleted(
    run: Run, services: Services
) -> None:
    secret = run("keys", "create").output.strip()
    prefix = services.keys.recognise(secret).key_prefix
    heir = run("keys", "rotate", prefix, "--overlap", "60").output.strip()
    services.keys.recognise(secret)
    named = services.keys.recognise(heir).key_prefix
    last = run("keys", "rotate", named, "--overlap", "0").output.strip()
    named = services.keys.recognise(last).key_prefix
    with pytest.raises(ExpiredKeyError):
        services.keys.recognise(heir)

    assert run("keys", "disable", named).output.strip() == "The key is disabled."
    assert "disabled" in run("keys", "list").output
    assert run("keys", "enable", named).output.strip() == "The key is enabled."
    services.keys.recognise(last)
    assert run("keys", "delete", named).output.strip() == "The key is deleted."
    assert isinstance(run("keys", "delete", named).exception, KeyNotFoundError)


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
