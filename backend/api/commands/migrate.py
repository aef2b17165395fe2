"""`corral migrate`: bring the database to what this version needs."""

import click

from backend.api.commands.wiring import platform
from backend.api.container import Services
from backend.core.models import SYSTEM_USER
from backend.core.schema import upgrade


@click.command()
def migrate() -> None:
    """Upgrade the schema, make the first administrator, seed the catalogue.

    It is harmless twice.
    """
    with platform() as services:
        upgrade(services.database)
        click.echo("The schema is up to date.")
        services.keys.ensure_user(SYSTEM_USER)
        _ensure_admin(services)
        _ensure_admin_key(services)
        _seed(services)


def _ensure_admin(services: Services) -> None:
    name = services.settings.corral_admin_user
    password = services.settings.corral_admin_password
    if password is None:
        click.echo(
            "CORRAL_ADMIN_PASSWORD is not set; `corral users create` makes log-ins."
        )
    elif services.accounts.users.ensure_admin(name, password.get_secret_value()):
        click.echo(f"The first administrator, {name}, was made.")


def _ensure_admin_key(services: Services) -> None:
    secret, user = (
        services.settings.corral_admin_key,
        services.settings.corral_admin_user,
    )
    if secret is None:
        click.echo("CORRAL_ADMIN_KEY is not set, so no administrator's key was made.")
    elif services.keys.ensure_admin_key(secret.get_secret_value(), user=user):
        click.echo("The first administrator's key was made from CORRAL_ADMIN_KEY.")


def _seed(services: Services) -> None:
    settings = services.settings
    services.catalogue.seed(
        settings.allowed_models, preload=settings.model_preload_list
    )
    click.echo("The catalogue has the allowed models and those to preload.")
