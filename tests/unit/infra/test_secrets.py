"""`infra/compose/secrets.sh` makes what is missing, and keeps what is there."""

import subprocess
from pathlib import Path

from infra.local import env_file
from infra.local.folder import ROOT

NAMES = {
    "CORRAL_ADMIN_KEY",
    "CORRAL_ADMIN_PASSWORD",
    "MYSQL_PASSWORD",
    "MYSQL_ROOT_PASSWORD",
    "REDIS_PASSWORD",
}


def run(path: Path) -> str:
    command = [str(ROOT / "infra/compose/secrets.sh"), str(path)]
    return subprocess.run(command, stderr=subprocess.PIPE, text=True, check=True).stderr


def test_every_secret_is_generated_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    said = run(path)
    made = env_file.read(path)

    assert set(made) == NAMES
    assert len(set(made.values())) == len(NAMES)
    assert len(made["CORRAL_ADMIN_PASSWORD"]) == 20
    assert made["CORRAL_ADMIN_KEY"].startswith("corral-")
    assert path.stat().st_mode & 0o777 == 0o600
    assert not [value for value in made.values() if value in said]
    assert run(path) == ""
    assert env_file.read(path) == made


def test_a_file_of_before_gets_only_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    old = dict.fromkeys(NAMES - {"CORRAL_ADMIN_PASSWORD"}, "kept")
    path.write_text(env_file.text(old) + "CORRAL_ADMIN_PASSWORD=\n")

    assert "generated" in run(path)
    made = env_file.read(path)
    assert len(made.pop("CORRAL_ADMIN_PASSWORD")) == 20
    assert made == old
