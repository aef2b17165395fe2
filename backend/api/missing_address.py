"""What to say where nothing is: base URLs have a `/v1` too few or too many at times."""

from collections.abc import Callable

_VERSIONED = "/v1/"
# Addresses under `/v1` have no more parts, but for names of models.
_PARTS = 3


def advice(path: str, *, exists: Callable[[str], bool]) -> str:
    """Say what to do.

    Args:
        path: With nothing at it.
        exists: Tells whether there is something at an address.
    """
    meant = _meant(path, exists)
    if meant is None:
        return "There is nothing at this address; `/docs` lists those that there are."
    return (
        f"There is nothing at this address, but at `{meant}`:"
        " look at the base URL that your client was given."
    )


def _meant(path: str, exists: Callable[[str], bool]) -> str | None:
    """Find the address under `/v1` that the path ends in."""
    parts = [part for part in path.split("/") if part][-_PARTS:]
    ends = (_VERSIONED + "/".join(parts[first:]) for first in range(len(parts)))
    return next(filter(exists, ends), None)
