"""`corral usage`."""

import csv
import io
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from backend.api.cli import commands
from backend.core.settings import Settings
from tests.integration.api.usage.conftest import Kept
from tests.integration.api.usage.told import HOUR


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.setenv("DATABASE_URL", settings.database_url.get_secret_value())
    monkeypatch.setenv("REDIS_URL", settings.redis_url.get_secret_value())

    def invoke(*words: str) -> str:
        done = CliRunner().invoke(commands, ["usage", *words])
        assert done.exit_code == 0, done.output
        return done.output

    return invoke


def test_the_command_line_tells_usage(run: Callable[..., str], kept: Kept) -> None:
    kept(("ann", {"completion_tokens": 3}), ("bob", {"state": "failed"}))

    heads, ann, bob, total = run("--group-by", "user", "--group-by", "node").split(
        "\n"
    )[:-1]

    assert heads.split()[:4] == ["user_id", "user", "node", "requests"]
    assert ann.split()[1:6] == ["ann", "-", "1", "1", "0"]
    assert bob.split()[1:6] == ["bob", "-", "1", "0", "1"]
    assert total.split() == ["total", "2", "1", "1", "0", "0", "0", "3", "3"]
    assert f"{HOUR:%Y-%m-%d %H:00}" in run("--group-by", "hour", "--days", "3")
    rows = list(csv.reader(io.StringIO(run("--csv", "--group-by", "model"))))
    assert rows[1][:2] == ["asked:latest", "2"]
