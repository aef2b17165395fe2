"""The operator's patterns: read at the start, and matched over texts."""

from pathlib import Path

import pytest

from backend.api.blocked_patterns import BlockedPatterns
from backend.core.errors import ContentBlockedError
from backend.core.settings import SettingsError

PATTERNS = """\
# What may not be asked

(?i)project\\s+falcon
   \\b\\d{3}-\\d{2}-\\d{4}\\b
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "blocked.txt"


def load(file: Path, text: str) -> BlockedPatterns:
    file.write_text(text, encoding="utf-8")
    return BlockedPatterns.load(str(file))


@pytest.mark.parametrize(
    ("texts", "line"),
    [
        (["fine", "what of Project  Falcon?"], 3),
        (["my number is 123-45-6789"], 4),
    ],
)
def test_a_text_that_matches_is_refused_without_the_pattern(
    file: Path, texts: list[str], line: int
) -> None:
    with pytest.raises(ContentBlockedError) as caught:
        load(file, PATTERNS).check(texts)

    assert caught.value.line == line
    assert "alcon" not in caught.value.detail
    assert caught.value.errors == ()


@pytest.mark.parametrize("texts", [[], [""], ["falcon project", "123-45-67890"]])
def test_other_texts_pass(file: Path, texts: list[str]) -> None:
    load(file, PATTERNS).check(texts)


def test_without_a_file_everything_passes() -> None:
    BlockedPatterns.load("").check(["Project Falcon"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("fine\n(unclosed\n", "line 2 is no regular expression: missing )"),
        ("a{99999999999}", "line 1 is no regular expression"),
        ("x*", "line 1 matches the empty text"),
        ("fine\n\n# note\n()", "line 4 matches the empty text"),
    ],
)
def test_a_bad_line_stops_the_start_and_is_named(
    file: Path, text: str, told: str
) -> None:
    with pytest.raises(SettingsError, match="BLOCKED_PATTERNS_FILE") as caught:
        load(file, text)

    assert told in str(caught.value)


def test_a_file_that_cannot_be_read_stops_the_start(file: Path) -> None:
    with pytest.raises(SettingsError, match=r"BLOCKED_PATTERNS_FILE: .*No such file"):
        BlockedPatterns.load(str(file))
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"BLOCKED_PATTERNS_FILE: .*decode"):
        BlockedPatterns.load(str(file))
