"""`corral migrate`: bring the database to what this version needs."""

import click

from backend.api.commands.wiring import platform
from backend.api.container import Services
from backend.core.models import ADMIN_USER, SYSTEM_USER
from backend.core.schema import upgrade


@click.command()
def migrate() -> None:
    """Upgrade the schema, make the first key, seed the catalogue; harmless twice."""
    with platform() as services:
        upgrade(services.database)
        click.echo("The schema is up to date.")
        services.keys.ensure_user(SYSTEM_USER)
        _ensure_admin(services)
        _seed(services)


def _ensure_admin(services: Services) -> None:
    secret = services.settings.corral_admin_key
    if secret is None:
        click.echo("CORRAL_ADMIN_KEY is not set, so no administrator's key was made.")
    elif services.keys.ensure_admin_key(secret.get_secret_value(), user=ADMIN_USER):
        click.echo("The first administrator's key was made from CORRAL_ADMIN_KEY.")


def _seed(services: Services) -> None:
    settings = services.settings
    services.catalogue.seed(
        settings.allowed_models, preload=settings.model_preload_list
    )
    click.echo("The catalogue has the allowed models and those to preload.")
