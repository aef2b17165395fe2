"""Hand a message in; what is refused is kept, so that nobody types it twice."""

from typing import Any
from uuid import uuid4

from frontend import state
from frontend.errors import ApiError
from frontend.state import Unsent
from frontend.visit import Visit


def submit(
    visit: Visit,
    body: dict[str, Any],
    prompt: str,
    idempotency_key: str | None = None,
) -> None:
    """Make a job and let the address name it.

    Args:
        visit: Who sends it.
        body: What `POST /api/v1/jobs` takes.
        prompt: What to show if it is refused.
        idempotency_key: That of an earlier try, of whose fate we did not hear.
    """
    key = idempotency_key or str(uuid4())
    try:
        job = visit.client.submit(body, idempotency_key=key)
    except ApiError as error:
        state.keep_unsent(Unsent(prompt, body, error, key))
    else:
        state.keep_unsent(None)
        state.show_job(job.id)
