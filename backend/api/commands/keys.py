"""`corral keys`: make, list, change and end API keys."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click

from backend.api.commands.bound_options import (
    ALL_MODELS,
    bound_options,
    bounds_of,
    limits_told,
)
from backend.api.commands.wiring import platform
from backend.core.jobs.states import Priority
from backend.core.keys import Scope
from backend.core.models import ADMIN_USER, ApiKey
from backend.core.scopes import in_order

Command = TypeVar("Command", bound=Callable[..., Any])

# Who changes keys by the command line, in the audit log.
_ACTOR = "command line"
_USUAL = (Scope.INFERENCE, Scope.READ)
_DAY_SECONDS = 86_400


@click.group()
def keys() -> None:
    """Make, list, change and end API keys.

    KEY is a key's id, or its beginning as the list shows it.
    """


def rights(command: Command) -> Command:
    """Add the options of what a key allows; what is not given is None or empty."""
    options = (
        click.option(
            "--scope",
            "scopes",
            multiple=True,
            type=click.Choice([*map(str, Scope)]),
            help="May be given several times.",
        ),
        click.option(
            "--days",
            type=click.IntRange(0, 36_500),
            help="Expires after so long; 0 is never.",
        ),
    )
    command = bound_options(command)
    for option in reversed(options):
        command = option(command)
    return command


@keys.command()
@click.option("--user", default=ADMIN_USER, show_default=True, help="Who owns it.")
@click.option("--name", default="cli", show_default=True, help="What it is for.")
@rights
def create(*, user: str, name: str, **given: Any) -> None:  # options as above
    """Make a key for inference and reading, or what is asked; it is shown once."""
    fields = _fields(given)
    fields["scopes"] = [*map(Scope, fields.get("scopes", _USUAL))]
    if "highest_priority" in fields:
        fields["highest_priority"] = Priority.of(fields["highest_priority"])
    with platform() as services:
        secret, _ = services.keys.create(user=user, name=name, actor=_ACTOR, **fields)
    click.echo(secret)


@keys.command("list")
def list_all() -> None:
    """List the keys by prefix, never their secrets."""
    with platform() as services:
        rows = services.keys.list_all()
    for key, owner in rows:
        scopes = ",".join(in_order(key.scopes))
        click.echo(
            f"{key.id:>4}  {key.prefix}…  {owner.name:<16} {key.name:<16} {scopes:<22}"
            f" {_standing(key)} {limits_told(key)}".rstrip()
        )


@keys.command()
@click.argument("key")
@click.option("--name", help="What it is for.")
@ALL_MODELS
@rights
def update(*, key: str, name: str | None, **given: Any) -> None:
    """Change what a key allows; what is not given stays.

    What its user made with it is narrowed as it is, and never widened.
    """
    changes = _fields(given) | ({"name": name} if name else {})
    with platform() as services:
        services.key_registry.update(_named(key), changes, actor=_ACTOR)
    click.echo("The key is changed.")


@keys.command()
@click.argument("key")
@click.option(
    "--overlap",
    type=click.IntRange(0, 90 * _DAY_SECONDS),
    default=_DAY_SECONDS,
    show_default=True,
    help="Seconds that the old secret stays good; 0 ends it at once.",
)
def rotate(*, key: str, overlap: int) -> None:
    """Make a successor with the same rights and shared limits; it is shown once."""
    with platform() as services:
        secret, _ = services.key_registry.rotate(
            _named(key), overlap_seconds=overlap, actor=_ACTOR
        )
    click.echo(secret)


@keys.command()
@click.argument("key")
def disable(key: str) -> None:
    """Stop a key at once, with all that its user made with it."""
    with platform() as services:
        services.key_registry.disable(_named(key), actor=_ACTOR)
    click.echo("The key is disabled.")


# The name that it had first.
keys.add_command(disable, "revoke")


@keys.command()
@click.argument("key")
def enable(key: str) -> None:
    """Let a disabled key be used again, but not what was made with it."""
    with platform() as services:
        services.key_registry.enable(_named(key), actor=_ACTOR)
    click.echo("The key is enabled.")


@keys.command()
@click.argument("key")
def delete(key: str) -> None:
    """Delete a key that was never used."""
    with platform() as services:
        services.key_registry.delete(_named(key), actor=_ACTOR)
    click.echo("The key is deleted.")


def _named(key: str) -> str:
    return key.rstrip("…")


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    """Give the columns of what was asked for; 0 days is no end."""
    fields = bounds_of(given)
    if given["days"] is not None:
        end = datetime.now(UTC) + timedelta(days=given["days"])
        fields["expires_at"] = end if given["days"] else None
    if given["scopes"]:
        fields["scopes"] = [*dict.fromkeys(given["scopes"])]
    return fields


def _standing(key: ApiKey) -> str:
    if key.disabled_at is not None:
        return "disabled"
    if key.expires_at is not None and key.expires_at <= datetime.now(UTC):
        return "expired"
    return "active"
