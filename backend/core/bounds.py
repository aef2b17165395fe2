"""How one grant bounds another, column by column; pure.

Of a limit, an end or a list of models None is no bound at all.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from backend.core.jobs.states import Priority
from backend.core.scopes import in_order, with_what_they_include

Number = TypeVar("Number", bound=Any)  # whatever is in an order


def least(own: Number | None, most: Number | None) -> Number | None:
    """Give the lower of two bounds."""
    if own is None or most is None:
        return most if own is None else own
    return min(own, most)


def common(own: list[str] | None, most: Iterable[str] | None) -> list[str] | None:
    """List the models that both allow."""
    if most is None:
        return own
    allowed = list(most)
    return allowed if own is None else [one for one in own if one in allowed]


def lower(own: str, most: str) -> str:
    """Give the lower of two priorities, by name."""
    return min(Priority.of(own), Priority.of(most)).label


def _both(own: Iterable[str], most: Iterable[str]) -> list[str]:
    scopes = with_what_they_include(own) & with_what_they_include(most)
    return [*map(str, in_order(scopes))]


_BY_COLUMN: Mapping[str, Callable[[Any, Any], Any]] = {
    "scopes": _both,
    "allowed_models": common,
    "highest_priority": lower,
    **dict.fromkeys(
        ("weight", "rpm", "tpm", "daily_tokens", "max_concurrency", "expires_at"), least
    ),
}


def bounded(own: Mapping[str, Any], most: Mapping[str, Any]) -> dict[str, Any]:
    """Give the columns of `own` that `most` bounds, as they are then."""
    found = {
        name: _BY_COLUMN[name](own[name], value)
        for name, value in most.items()
        if name in _BY_COLUMN
    }
    return {name: value for name, value in found.items() if value != own[name]}
