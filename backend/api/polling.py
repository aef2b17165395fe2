"""A job's events by polling, for callers that cannot hold a stream open."""

import time
from collections.abc import Iterator
from typing import Any

import orjson

from backend.api.container import Services
from backend.api.peer import Peer
from backend.api.presence import LOOK_SECONDS
from backend.core.jobs.records import JobRecord
from backend.core.streams.follow import Follower, state_of
from backend.core.streams.frames import EntryId, EventName, Frame
from backend.core.streams.mailbox import Mailbox


def poll(
    services: Services,
    box: Mailbox,
    job: JobRecord,
    peer: Peer,
    *,
    after: EntryId,
    wait_ms: int,
) -> dict[str, Any]:
    """Give what there is after a place; wait for the first of it if there is nothing.

    The first event is always the job's present `state`, which has no id.
    """
    follower = Follower(
        job,
        box,
        record=services.record,
        read_job=services.reads.get,
        after=after,
        look_seconds=min(LOOK_SECONDS, wait_ms / 1000),
    )
    frames = list(_first(follower, services, peer, wait_ms / 1000))
    state = _state(services, job)
    last = next((f.id for f in reversed(frames) if f.id is not None), after)
    data = orjson.loads(state.data)
    ended = bool(frames) and frames[-1].event == EventName.END
    shown = [state, *(f for f in frames if f.event != EventName.STATE)]
    return {
        "state": orjson.loads(frames[-1].data)["state"] if ended else data["state"],
        "events": [_event(frame) for frame in shown],
        "next": str(last),
    }


def _first(
    follower: Follower, services: Services, peer: Peer, wait_seconds: float
) -> Iterator[Frame]:
    """Give the first batch that says something."""
    ends_at = time.monotonic() + wait_seconds
    for batch in follower.batches():
        frames = [told for told in batch if isinstance(told, Frame)]
        if frames or time.monotonic() >= ends_at:
            yield from frames
            return
        if services.draining.is_set() or peer.is_gone():
            return


def _state(services: Services, job: JobRecord) -> Frame:
    """Write where the job stands now; while it waited that has changed."""
    job = services.reads.get(job.id) or job
    position = services.reads.place(job.id)
    eta = services.forecast.eta_seconds(job.model, position)
    return Frame(EventName.STATE, state_of(job, position=position, eta_seconds=eta))


def _event(frame: Frame) -> dict[str, Any]:
    return {
        "id": None if frame.id is None else str(frame.id),
        "event": frame.event,
        "data": orjson.Fragment(frame.data),
    }
