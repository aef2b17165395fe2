"""What those write who do not hold a job: its end, and the fast word of a cancel."""

import redis
import structlog

from backend.core.jobs.records import Moved
from backend.core.jobs.states import FINAL
from backend.core.streams.frames import (
    LAST_SEQ,
    EntryId,
    EventName,
    Frame,
    end_data,
    publish,
    state_data,
    stream_key,
)

log = structlog.get_logger()

CANCEL_CHANNEL = "corral:cancel"


class OutsiderStream:
    """Writes for jobs that this process does not answer; never fails its caller."""

    def __init__(self, client: redis.Redis, *, lifetime_ms: int) -> None:
        """Keep the client and how long a stream outlives its end."""
        self._client = client
        self._lifetime_ms = lifetime_ms

    def moved(self, job: Moved) -> None:
        """Tell readers where a job stands: its end, or that it waits again."""
        if job.state in FINAL:
            self.end(job)
        else:
            self._state(job)

    def end(self, job: Moved) -> None:
        """Write `end` at the attempt's very last place, which shuts it."""
        place = EntryId(job.attempt, LAST_SEQ)
        usage = {"prompt_tokens": None, "completion_tokens": job.completion_tokens}
        data = end_data(job.id, job.state, usage=usage, error=job.error)
        frame = Frame(EventName.END, data, place)
        key = stream_key(job.id)
        self._send(
            job.id,
            ("XADD", key, str(place), "e", frame.event, "d", frame.data),
            ("PEXPIRE", key, self._lifetime_ms),
            *publish([(job.id, frame)]),
        )

    def _state(self, job: Moved) -> None:
        data = state_data(
            job.id, job.state, attempt=job.attempt, model=job.requested_model
        )
        frame = Frame(EventName.STATE, data)
        self._send(job.id, *publish([(job.id, frame)]))

    def ask_cancel(self, job_id: str) -> None:
        """Tell the holder at once; the flag in the row tells it within 2 s anyway."""
        self._send(job_id, ("PUBLISH", CANCEL_CHANNEL, job_id))

    def _send(self, job_id: str, *commands: tuple[object, ...]) -> None:
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                for command in commands:
                    pipeline.execute_command(*command)
                pipeline.execute(raise_on_error=False)
        except redis.RedisError as error:
            log.warning("outsider_write_failed", job_id=job_id, error=str(error))
