import itertools
import re

import pytest

from backend.core.settings import Settings, load_settings
from tests.architecture.repository import ROOT

LINES = (ROOT / ".env.example").read_text().splitlines()
VALUES = dict(line.split("=", 1) for line in LINES if re.match(r"[A-Z]", line))
SECRETS = {
    "DATABASE_URL": "mysql+pymysql://corral:hunter2@db/corral",
    "REDIS_URL": "redis://:hunter2@redis:6379/0",
}


def test_the_example_file_has_exactly_the_settings() -> None:
    assert list(VALUES) == [name.upper() for name in Settings.model_fields]


def test_each_setting_has_one_line_that_explains_it() -> None:
    unexplained = [
        line
        for before, line in itertools.pairwise(LINES)
        if re.match(r"[A-Z]", line) and not re.match(r"# \S.*", before)
    ]

    assert unexplained == []


def test_the_example_holds_no_secret() -> None:
    names = (*SECRETS, "CORRAL_ADMIN_KEY", "CORRAL_ADMIN_PASSWORD")

    assert [VALUES[name] for name in names] == ["", "", "", ""]


def test_the_values_of_the_example_are_the_defaults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in VALUES:
        monkeypatch.delenv(name, raising=False)
    defaults = Settings(**{name.lower(): value for name, value in SECRETS.items()})
    for name, value in (VALUES | SECRETS).items():
        monkeypatch.setenv(name, value)

    assert load_settings() == defaults
