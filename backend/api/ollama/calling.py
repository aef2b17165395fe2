"""Beginning the jobs of a request to Ollama's addresses."""

from collections.abc import Sequence

from flask import request

from backend.api.calls.call import Call, begin_all
from backend.api.container import services
from backend.api.peer import Peer
from backend.core.jobs.records import NewJob
from backend.core.keys import Caller


def begun(
    jobs: Sequence[NewJob], caller: Caller, *, streamed: bool = False
) -> list[Call]:
    """Submit jobs for a caller who waits for all of them.

    Raises:
        AppError: Why one was not accepted; those before it are stopped.
    """
    return begin_all(
        services(),
        jobs,
        Peer(request.environ),
        limits=caller.limits,
        streamed=streamed,
    )
