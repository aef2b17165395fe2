"""`corral models pull`: bring a model to every live node, and watch it come."""

import time

import click
import redis

from backend.api.commands.wiring import platform
from backend.api.container import Services
from backend.api.pulls import new_pull
from backend.core.jobs.records import JobRecord
from backend.core.jobs.states import FINAL, State
from backend.core.models import SYSTEM_USER
from backend.core.names import canonical_model

_LOOK_SECONDS = 0.5


@click.group()
def models() -> None:
    """Bring models to the nodes."""


@models.command()
@click.argument("name")
@click.option("--node", help="Only to this node.")
def pull(name: str, *, node: str | None) -> None:
    """Pull a model and wait until it is there."""
    model = canonical_model(name)
    with platform() as services:
        if not services.catalogue.permits_name(model):
            raise click.ClickException(f"ALLOWED_MODELS does not name {model}.")
        nodes = [node] if node else _live_nodes(services)
        owner = services.keys.ensure_user(SYSTEM_USER)
        ids = [
            services.jobs.submit(
                new_pull(services.settings, model, owner_id=owner, node=one)
            ).job_id
            for one in nodes
        ]
        ended = [_watch(services, job_id) for job_id in ids]
    failed = [job for job in ended if job.state is not State.SUCCEEDED]
    if failed:
        raise click.ClickException("; ".join(map(_why, failed)))


def _live_nodes(services: Services) -> list[str]:
    try:
        nodes = sorted(services.cluster.by_node())
    except redis.RedisError as error:
        raise click.ClickException(f"Redis cannot be reached: {error}") from None
    if not nodes:
        raise click.ClickException("No worker is running, so there is no node.")
    return nodes


def _watch(services: Services, job_id: str) -> JobRecord:
    said = ""
    while True:
        job = services.reads.require(job_id, None)
        line = _line(job)
        if line != said:
            click.echo(line)
            said = line
        if job.state in FINAL:
            return job
        time.sleep(_LOOK_SECONDS)


def _line(job: JobRecord) -> str:
    node, progress = job.lane.split(":", 1)[1], job.progress or {}
    done, total = progress.get("completed"), progress.get("total")
    share = f" {done / total:4.0%}" if done is not None and total else ""
    return f"{job.model} on {node}: {progress.get('status') or job.state}{share}"


def _why(job: JobRecord) -> str:
    return str((job.error or {}).get("message") or job.state)
