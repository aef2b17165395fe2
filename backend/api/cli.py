"""`corral`: what operators do from a shell."""

import click

from backend.api.commands.doctor import doctor
from backend.api.commands.jobs import jobs
from backend.api.commands.keys import keys
from backend.api.commands.migrate import migrate
from backend.api.commands.models import models
from backend.api.commands.usage import usage
from backend.api.commands.users import users
from backend.core.errors import AppError
from backend.core.settings import SettingsError
from backend.core.version import VERSION


@click.group()
@click.version_option(VERSION, prog_name="corral")
def commands() -> None:
    """Corral: durable jobs and resumable streams in front of a fleet of Ollamas."""


for _command in (doctor, migrate, users, keys, jobs, models, usage):
    commands.add_command(_command)


def main() -> None:
    """Run the command line; what goes wrong is said in a sentence."""
    try:
        commands()
    except SettingsError as error:
        raise SystemExit(f"The settings are not right:\n{error}") from None
    except AppError as error:
        fields = [f"  {one.field}: {one.message}" for one in error.errors]
        raise SystemExit("\n".join([error.detail, *fields])) from None
