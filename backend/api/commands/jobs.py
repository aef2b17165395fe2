"""`corral jobs`: look at a job, stop it, run it again."""

import click
import orjson

from backend.api.commands.wiring import platform
from backend.api.job_view import view
from backend.core.identifiers import uuid7

_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z


@click.group()
def jobs() -> None:
    """Look at jobs, stop them, run them again."""


@jobs.command()
@click.argument("job_id")
def show(job_id: str) -> None:
    """Show a job as the API does."""
    with platform() as services:
        job = services.reads.require(job_id, None)
        shown = view(job, position=services.reads.place(job.id), whole=True)
    click.echo(orjson.dumps(shown, option=_OPTIONS))


@jobs.command()
@click.argument("job_id")
def cancel(job_id: str) -> None:
    """Ask for a job to be stopped."""
    with platform() as services:
        job = services.jobs.cancel(services.reads.require(job_id, None))
    click.echo(f"{job.id} {job.state}")


@jobs.command()
@click.argument("job_id")
def replay(job_id: str) -> None:
    """Run a failed or expired job again, as a new one; prints its id."""
    with platform() as services:
        old = services.reads.require(job_id, None)
        again = services.jobs.again(old, request_id=uuid7())
        click.echo(services.jobs.submit(again).job_id)
