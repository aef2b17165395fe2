"""Names that travel: models, lanes, Redis keys, Celery queues.

Model names are made canonical before they are stored (JOBS.md 28): Ollama takes
`Tiny-Chat`, `library/tiny-chat` and `tiny-chat:latest` for the same model.
"""

from enum import StrEnum

MAINTENANCE_QUEUE = "maintenance"
# All lanes of models begin so, and all lanes of nodes: with the state that is a range
# of the claim index.
GENERATION_LANES = "gen:"
NODE_LANES = "node:"


class TaskName(StrEnum):
    """What Celery calls the tasks; the API sends tickets by these names."""

    GENERATE = "generate"
    RECOVERY = "maintenance.recovery"
    PRELOAD = "maintenance.preload"
    CLEANUP = "maintenance.cleanup"
    USAGE = "maintenance.usage"
    RETENTION = "maintenance.retention"
    LIMITS = "maintenance.limits"


# What the API and the rows of `maintenance_runs` call them.
MAINTENANCE_TASKS = {
    name.value.removeprefix("maintenance."): name
    for name in TaskName
    if name is not TaskName.GENERATE
}


def canonical_model(name: str) -> str:
    """Give a model's one name: lower case, an explicit tag, no parts that go unsaid.

    Those are Ollama's own registry, and its namespace `library`.
    """
    lowered = name.strip().lower().removeprefix("registry.ollama.ai/")
    lowered = lowered.removeprefix("library/")
    last = lowered.rsplit("/", 1)[-1]
    return lowered if ":" in last else f"{lowered}:latest"


def generation_lane(model: str) -> str:
    """Name the lane of a model's jobs, which is also its Celery queue."""
    return GENERATION_LANES + model


def node_lane(node: str) -> str:
    """Name the lane of a node's own work: pulls, loads, unloads."""
    return NODE_LANES + node
