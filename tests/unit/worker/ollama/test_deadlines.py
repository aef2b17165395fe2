import pytest

from worker.ollama.deadlines import Deadlines
from worker.ollama.errors import (
    AttemptTimeoutError,
    FirstTokenTimeoutError,
    OllamaError,
    StalledError,
)

USUAL = Deadlines(first_token_seconds=10, silence_seconds=5, attempt_seconds=60)
WITH_TOOLS = Deadlines(first_token_seconds=10, silence_seconds=None, attempt_seconds=60)


@pytest.mark.parametrize(
    ("deadlines", "since_start", "since_object", "seconds", "late"),
    [
        (USUAL, 0, None, 10, FirstTokenTimeoutError),
        (USUAL, 4, None, 6, FirstTokenTimeoutError),
        (USUAL, 12, None, -2, FirstTokenTimeoutError),
        (USUAL, 20, 1, 4, StalledError),
        (USUAL, 57, 1, 3, AttemptTimeoutError),
        (USUAL, 61, 1, -1, AttemptTimeoutError),
        (WITH_TOOLS, 20, 15, 40, AttemptTimeoutError),
        (Deadlines(90, 90, 60), 1, None, 59, AttemptTimeoutError),
    ],
)
def test_the_nearest_deadline_decides(
    deadlines: Deadlines,
    since_start: float,
    since_object: float | None,
    seconds: float,
    late: type[OllamaError],
) -> None:
    assert deadlines.next_wait(since_start=since_start, since_object=since_object) == (
        seconds,
        late,
    )
