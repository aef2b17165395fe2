"""Where in a body a mistake is, without the steps that only pydantic takes (pure)."""

from collections.abc import Sequence
from typing import Any

Step = str | int


def path_in(
    sent: Any,  # whatever JSON can hold
    steps: Sequence[Step],
    *,
    missing: bool,
) -> tuple[Step, ...]:
    """Follow a path through what was sent, leaving out the branches of unions.

    Args:
        sent: The body.
        steps: As pydantic tells them.
        missing: The last one is a field that is not there.
    """
    path: list[Step] = []
    here = sent
    for number, step in enumerate(steps):
        if _is_in(step, here):
            path.append(step)
            here = here[step]
        elif missing and number == len(steps) - 1:
            path.append(step)
    return tuple(path)


def _is_in(step: Step, here: Any) -> bool:
    if isinstance(here, dict):
        return step in here
    return isinstance(here, list) and isinstance(step, int) and step < len(here)
