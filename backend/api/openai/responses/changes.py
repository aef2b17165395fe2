"""`POST /v1/responses/{id}/cancel` and `DELETE /v1/responses/{id}`."""

from flask import Blueprint, Response

from backend.api.answers import answer
from backend.api.auth import caller
from backend.api.container import services
from backend.api.delivery import erase
from backend.api.errors import invalid
from backend.api.openai.responses.answer import response
from backend.api.openai.responses.stored import find
from backend.core.errors import ResponseIsRunningError
from backend.core.jobs.records import JobRecord
from backend.core.jobs.states import FINAL

blueprint = Blueprint("openai_response_changes", __name__)
# A cancel reaches the worker within a second, if it reaches it at all.
_STOP_SECONDS = 5.0


@blueprint.post("/v1/responses/<response_id>/cancel")
def cancel(response_id: str) -> Response:
    """Stop a response that is made in the background; give it as it stands then."""
    stored = find(response_id, caller().user_id)
    if not stored.body.background:
        raise invalid(
            "response_id", "only responses with `background: true` can be cancelled"
        )
    return answer(response(_stopped(stored.row), stored.body))


@blueprint.delete("/v1/responses/<response_id>")
def delete(response_id: str) -> Response:
    """Delete a response; one that is being made is stopped first."""
    row = _stopped(find(response_id, caller().user_id).row)
    if row.state not in FINAL:
        raise ResponseIsRunningError
    erase(services(), row.id)
    return answer({"id": response_id, "object": "response", "deleted": True})


def _stopped(row: JobRecord) -> JobRecord:
    """Ask for a cancel, unless the job has ended, and wait a moment for its end."""
    if row.state in FINAL:
        return row
    with services().jobs.mailbox(row.id, only_end=True) as box:
        services().jobs.stop(row.id)
        present = services().reads.get(row.id) or row
        if present.state in FINAL:
            return present
        services().jobs.wait(box, timeout_seconds=_STOP_SECONDS, look=lambda: None)
    return services().reads.get(row.id) or present
