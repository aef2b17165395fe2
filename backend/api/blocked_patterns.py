"""The operator's patterns: a request with a text that one of them matches is refused.

Python's `re` tries every way to match, so a pattern such as `(a+)+$` can take longer
than anybody waits on a text made for it, and the process serves nobody meanwhile. The
texts are bounded by MAX_PROMPT_CHARS, the patterns are the operator's to choose.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from backend.core.errors import ContentBlockedError
from backend.core.settings import SettingsError

_SETTING = "BLOCKED_PATTERNS_FILE"


@dataclass(frozen=True, slots=True)
class BlockedPatterns:
    """Compiled patterns with the number of the line that each stands in."""

    patterns: tuple[tuple[int, re.Pattern[str]], ...] = ()

    @classmethod
    def load(cls, path: str) -> Self:
        """Read a file with a regular expression per line; `#` begins a comment line.

        Args:
            path: Of the file; none if empty.

        Raises:
            SettingsError: If it cannot be read, or a line is no usable pattern.
        """
        if not path:
            return cls()
        try:
            lines = Path(path).read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{_SETTING}: {path}: {error}") from None
        return cls(
            tuple(
                (number, _compiled(number, line.strip()))
                for number, line in enumerate(lines, 1)
                if line.strip() and not line.lstrip().startswith("#")
            )
        )

    def check(self, texts: Sequence[str]) -> None:
        """Refuse texts that a pattern matches.

        Raises:
            ContentBlockedError: With the line, which is for the log only.
        """
        for number, pattern in self.patterns:
            if any(map(pattern.search, texts)):
                raise ContentBlockedError(line=number)


def _compiled(number: int, line: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(line)
    except (re.error, OverflowError, RecursionError) as error:
        text = f"{_SETTING}: line {number} is no regular expression: {error}"
        raise SettingsError(text) from None
    if pattern.search(""):
        text = f"{_SETTING}: line {number} matches the empty text, so every request"
        raise SettingsError(text)
    return pattern
