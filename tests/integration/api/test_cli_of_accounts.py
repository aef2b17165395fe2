"""What operators type about users and keys."""

import re
from typing import Any

import pytest

from backend.api.commands import users
from backend.api.container import Services
from backend.core.account_errors import (
    KeyNotFoundError,
    UserNotFoundError,
)
from backend.core.accounts.passwords import Passwords
from backend.core.errors import (
    AppError,
    ExpiredKeyError,
    InvalidRequestError,
)
from backend.core.jobs.states import Priority
from backend.core.keys import Scope
from backend.core.limits.decision import Allowance, Limits
from tests.integration.api.caller import Api
from tests.integration.api.cli_runs import Run


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


def test_a_key_makes_no_user_that_cannot_be(run: Run) -> None:
    made = run("keys", "create", "--user", "two words")

    assert isinstance(made.exception, InvalidRequestError)
    assert "user: must be 1 to 64 letters" in str(made.exception)


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

    assert before.limits == Allowance(before.key_id, Limits(rpm=5, daily_tokens=900))
    assert before.scopes == {Scope.INFERENCE, Scope.READ}
    assert not before.may_use("tiny-embed:latest")
    assert "rpm=5 daily_tokens=900" in listed
    assert changed.exit_code == 0, changed.output
    after = services.keys.recognise(secret)
    assert after.limits == Allowance(before.key_id, Limits(tpm=70, daily_tokens=900))
    assert (after.key_name, after.scopes) == ("desk", {Scope.READ})
    assert after.may_use("tiny-embed:latest")


def test_a_users_limits_are_set_listed_and_taken_away(
    run: Run, services: Services
) -> None:
    secret = run("keys", "create", "--user", "eve").output.strip()
    limits = ["--rpm", "5", "--tpm", "70", "--weight", "0.5", "--model", "Tiny-Chat"]
    said = run("users", "limit", "eve", *limits).output
    caller = services.keys.recognise(secret)
    listed = run("users", "list").output
    run("users", "limit", "eve", "--rpm", "0", "--tpm", "0", "--all-models")
    after = services.keys.recognise(secret)

    assert said == "eve has other limits.\n"
    most = Limits(rpm=5, tpm=70)
    assert caller.limits == Allowance(caller.key_id, Limits(), caller.user_id, most)
    assert caller.allowed_models == {"tiny-chat:latest"}
    assert "rpm=5 tpm=70" in listed
    assert (after.limits, after.allowed_models, after.weight) == (None, None, 0.5)
    unknown = run("users", "limit", "nobody", "--rpm", "5")
    assert isinstance(unknown.exception, UserNotFoundError)


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
