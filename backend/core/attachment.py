"""Who listens to a job whose caller may stop it by leaving (JOBS.md 23).

Each open stream or waiting response is a member of the sorted set
`corral:attached:<job>`, scored by the moment until which it counts, by Redis' clock;
its process renews it. Who removes the last live member because its caller vanished
asks the cancel. A normal end, a drain, an expired member or an unreachable Redis never
does.
"""

import threading
from collections.abc import Callable

import redis
import structlog

from backend.core.identifiers import uuid7

log = structlog.get_logger()

_LIFE_MS = 6_000
_RENEW_SECONDS = 2.0

_NOW = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
"""
# KEYS the sets…; ARGV life ms, members…
_RENEW = (
    _NOW
    + """
for i, key in ipairs(KEYS) do
  redis.call('ZADD', key, now + ARGV[1], ARGV[i + 1])
  redis.call('PEXPIRE', key, ARGV[1])
end
return #KEYS
"""
)
# KEYS the set; ARGV the member. Gives 1 if it was there and no live one is left.
_LEAVE = (
    _NOW
    + """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
if redis.call('ZCARD', KEYS[1]) > 0 then return 0 end
return 1
"""
)


class Attachments:
    """The attached callers of this process; never fails its caller."""

    def __init__(self, client: redis.Redis) -> None:
        """Keep the client; the thread that renews starts with the first member."""
        self._client = client
        self._members: dict[str, str] = {}
        self._lock = threading.Lock()
        self._renewing = False

    def attach(self, job_id: str) -> str:
        """Count a caller in; gives the name under which it leaves again."""
        member = uuid7()
        with self._lock:
            self._members[member] = job_id
            first, self._renewing = not self._renewing, True
        if first:
            threading.Thread(
                target=self._renew_always, daemon=True, name="attachments"
            ).start()
        self._renew({member: job_id})
        return member

    def detach(self, member: str) -> None:
        """Count a caller out that was served to the end, or is not our doing."""
        job_id = self._forget(member)
        if job_id is not None:
            self._leave(job_id, member)

    def vanish(self, member: str) -> bool:
        """Count a caller out that left; tells whether it was the last live one."""
        job_id = self._forget(member)
        return job_id is not None and self._leave(job_id, member)

    def renew(self) -> None:
        """Renew all members of this process in one call."""
        with self._lock:
            members = dict(self._members)
        if members:
            self._renew(members)

    def _forget(self, member: str) -> str | None:
        with self._lock:
            return self._members.pop(member, None)

    def _leave(self, job_id: str, member: str) -> bool:
        return self._run(_LEAVE, [_key(job_id)], [member]) == 1

    def _renew(self, members: dict[str, str]) -> None:
        keys = [_key(job_id) for job_id in members.values()]
        self._run(_RENEW, keys, [str(_LIFE_MS), *members])

    def _renew_always(self) -> None:
        pause = threading.Event()
        while not pause.wait(_RENEW_SECONDS):
            self.renew()

    def _run(self, script: str, keys: list[str], values: list[str]) -> int:
        evaluate: Callable[..., int] = self._client.eval
        try:
            return int(evaluate(script, len(keys), *keys, *values))
        except redis.RedisError as error:
            log.warning("attachment_unknown", error=str(error))
            return 0


def _key(job_id: str) -> str:
    return f"corral:attached:{job_id}"
