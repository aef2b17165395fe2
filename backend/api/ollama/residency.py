"""Loading and unloading, as Ollama's clients ask for it: without anything to say."""

from flask import Response

from backend.api.calls.call import answers
from backend.api.calls.headers import serving_headers
from backend.api.calls.telling import begun
from backend.api.container import services
from backend.api.node_work import node_job
from backend.api.ollama.admitting import admit
from backend.api.ollama.answers import empty
from backend.api.ollama.generating import ignored_header
from backend.api.ollama.lookup import known_model, snapshots
from backend.api.ollama.replies import reply
from backend.api.ollama.requests import load
from backend.api.ollama.schemas.parts import OfModel
from backend.api.ollama.unloading import Wish, is_kept, removable
from backend.core.catalogue import KnownModel
from backend.core.credential import CallerChangedError
from backend.core.errors import UnsupportedByModelError
from backend.core.jobs.states import Kind
from backend.core.keys import Caller
from backend.core.names import generation_lane


def brought(body: OfModel, kind: Kind, caller: Caller) -> Response:
    """Load the model, or unload it if it shall not stay."""
    known = known_model(body.model, caller)
    if body.unloads:
        ignored = () if _unload(known, caller) else ("keep_alive",)
        headers, reason = ignored_header(ignored), "unload"
    elif known.embeds_only:
        said = f'"{body.model}" does not support {kind.value}'
        raise UnsupportedByModelError(said)
    else:
        headers, reason = loaded(body, caller), "load"
    return reply(empty(kind, model=body.model, reason=reason), headers=headers)


def loaded(body: OfModel, caller: Caller) -> dict[str, str]:
    """Wait until the model is in memory; gives the answer's headers."""
    wanted = load(body)
    (row,) = answers(begun([admit(wanted.asked, caller)]))
    return serving_headers(row) | ignored_header(wanted.ignored)


def _unload(known: KnownModel, caller: Caller) -> bool:
    """Unload a model where that may be; tells whether there was such a place."""
    if caller.credential is not None:
        # It may come to nothing, and then no COMMIT asks whether the key still counts.
        raise CallerChangedError
    wish = Wish(
        model=known.name,
        by_admin=caller.is_admin,
        is_kept=is_kept(known, services().settings),
        is_busy=services().query.any_unfinished(generation_lane(known.name)),
    )
    jobs = [
        node_job(Kind.UNLOAD, known.name, caller=caller, node=node)
        for node in sorted(removable(wish, snapshots()))
    ]
    if jobs:
        answers(begun(jobs))
    return bool(jobs)
