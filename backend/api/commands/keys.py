"""`corral keys`: make, list and revoke API keys."""

from datetime import UTC, datetime, timedelta

import click

from backend.api.commands.wiring import platform
from backend.core.jobs.states import Priority
from backend.core.key_lookup import in_order
from backend.core.keys import Scope
from backend.core.models import ADMIN_USER, ApiKey
from backend.core.names import canonical_model

# Who made a key by the command line, in the audit log.
_ACTOR = "command line"


@click.group()
def keys() -> None:
    """Make, list and revoke API keys."""


@keys.command()
@click.option("--user", default=ADMIN_USER, show_default=True, help="Who owns it.")
@click.option("--name", default="cli", show_default=True, help="What it is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    default=(Scope.INFERENCE.value, Scope.READ.value),
    show_default=True,
)
@click.option("--days", type=click.IntRange(1, 36_500), help="Expires after so long.")
@click.option("--weight", type=click.FloatRange(0.01, 100), default=1.0)
@click.option(
    "--highest-priority",
    type=click.Choice([priority.label for priority in Priority]),
    default=Priority.HIGH.label,
)
@click.option("--model", "models", multiple=True, help="May use only these models.")
def create(
    *,
    user: str,
    name: str,
    scopes: tuple[str, ...],
    days: int | None,
    weight: float,
    highest_priority: str,
    models: tuple[str, ...],
) -> None:
    """Make a key; it is shown once."""
    expires = None if days is None else datetime.now(UTC) + timedelta(days=days)
    with platform() as services:
        secret, _ = services.keys.create(
            user=user,
            name=name,
            scopes=[Scope(scope) for scope in scopes],
            expires_at=expires,
            weight=weight,
            highest_priority=Priority.of(highest_priority),
            allowed_models=[*map(canonical_model, models)] or None,
            actor=_ACTOR,
        )
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
            f" {_standing(key)}"
        )


@keys.command()
@click.argument("key")
def revoke(key: str) -> None:
    """Disable a key, by its id or its prefix, at once."""
    with platform() as services:
        found = services.keys.revoke(key.rstrip("…"), actor=_ACTOR)
    if not found:
        raise click.ClickException("There is no such key, or it is disabled already.")
    click.echo("The key is disabled.")


def _standing(key: ApiKey) -> str:
    if key.disabled_at is not None:
        return "disabled"
    if key.expires_at is not None and key.expires_at <= datetime.now(UTC):
        return "expired"
    return "active"
