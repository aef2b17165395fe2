"""The .env of the containers has secrets that nobody knows."""

import subprocess
from pathlib import Path

import pytest

from infra.local import env_file
from infra.local.folder import ROOT

EXAMPLE = """\
# The database. MYSQL_PASSWORD=
MYSQL_PASSWORD=
CORRAL_ADMIN_KEY=
LOG_LEVEL=INFO
OPTIONAL=
"""


@pytest.fixture
def env(tmp_path: Path) -> Path:
    (tmp_path / "example").write_text(EXAMPLE)
    return tmp_path / "env"


def write(env: Path) -> dict[str, str]:
    script = ROOT / "infra/local/write_env.sh"
    subprocess.run([script, env.with_name("example"), env], check=True)
    return env_file.read(env)


def test_empty_secrets_are_generated_and_the_rest_is_kept(env: Path) -> None:
    values = write(env)

    assert len(values["MYSQL_PASSWORD"]) == 43
    assert values["LOG_LEVEL"] == "INFO"
    assert values["OPTIONAL"] == ""
    assert "# The database. MYSQL_PASSWORD=\n" in env.read_text()


def test_the_first_key_looks_like_a_key(env: Path) -> None:
    key = write(env)["CORRAL_ADMIN_KEY"]

    assert key.startswith("corral-")
    assert len(key) >= len("corral-") + 32


def test_only_its_owner_can_read_it(env: Path) -> None:
    write(env)

    assert env.stat().st_mode & 0o777 == 0o600


def test_an_env_that_is_there_stays_as_it_is(env: Path) -> None:
    first = write(env)

    assert write(env) == first


def test_no_half_written_file_is_left(env: Path) -> None:
    write(env)

    assert {path.name for path in env.parent.iterdir()} == {"example", "env"}
