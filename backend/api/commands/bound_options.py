"""Options of commands that bound what keys may do, of one or of a user's all."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from backend.core.jobs.states import Priority
from backend.core.limits.decision import Limit
from backend.core.models import ApiKey, User
from backend.core.names import canonical_model

Command = TypeVar("Command", bound=Callable[..., Any])

_COUNT = click.IntRange(0, 2**31 - 1)
_LIMITS = {
    Limit.REQUESTS: "Requests a minute; 0 is no limit.",
    Limit.TOKENS: "Tokens a minute; 0 is no limit.",
    Limit.DAILY_TOKENS: "Tokens a day (UTC); 0 is no limit.",
    Limit.CONCURRENCY: "Jobs at a time; 0 is no limit.",
}
_OPTIONS = (
    click.option("--weight", type=click.FloatRange(0.01, 100), help="Fair share."),
    click.option(
        "--highest-priority", type=click.Choice([one.label for one in Priority])
    ),
    click.option("--model", "models", multiple=True, help="May use only these models."),
    *(
        click.option(f"--{name.replace('_', '-')}", name.value, type=_COUNT, help=text)
        for name, text in _LIMITS.items()
    ),
)
ALL_MODELS = click.option("--all-models", is_flag=True, help="May use every model.")


def bound_options(command: Command) -> Command:
    """Add the options; what is not given is None or empty."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def bounds_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Give the columns of what was asked for; 0 of a limit is none."""
    names = [*map(str, Limit), "weight", "highest_priority"]
    columns = {name: given[name] for name in names if given[name] is not None}
    columns |= {name: columns[name] or None for name in Limit if name in columns}
    if given["models"]:
        columns["allowed_models"] = [*map(canonical_model, given["models"])]
    if given.get("all_models"):
        columns["allowed_models"] = None
    return columns


def limits_told(row: ApiKey | User) -> str:
    """Write the limits of a key or user as a list shows them."""
    found = {name.value: getattr(row, name) for name in Limit}
    return " ".join(f"{name}={most}" for name, most in found.items() if most)
