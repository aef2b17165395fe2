"""Keep the breakers of all nodes and models in Redis, so that all workers share them.

The decisions are those of `breaker.py`. A change is a compare-and-set of the whole
state: who comes second reads again and decides again, so exactly one worker gets the
probe. Times are Redis', since workers run on machines with clocks of their own.
Without Redis nothing is known against a node, and requests go.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
import redis
import structlog

from worker.resilience.breaker import (
    CLOSED,
    BreakerMode,
    BreakerPolicy,
    BreakerState,
    after_admission,
    after_failure,
    after_nothing,
    after_success,
    allows,
    mode,
)

log = structlog.get_logger(__name__)

READ = """
local time = redis.call('TIME')
return {time[1], time[2], redis.call('MGET', unpack(KEYS))}
"""
# An absent state is the empty text; KEYS[1] is only written by this script.
SWAP = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then
    redis.call('DEL', KEYS[1])
else
    redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
end
return 1
"""
# A model that nobody has asked for in this time starts with a clean record.
EXPIRY_SECONDS = 86_400
# Each lost round means that another worker's change was written.
ROUNDS = 20
# A success says nothing new so soon after a clean state was seen; without this each of
# a thousand answers a second would ask Redis.
CLEAN_SECONDS = 1.0

Change = Callable[[BreakerState, float], BreakerState]


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a request may go, and whether it is the probe that all others wait for.

    The outcome of a probe must be reported: `succeeded`, `failed` or `proved_nothing`.
    """

    is_allowed: bool
    is_probe: bool = False


class BreakerStore:
    """The breakers, by node and model."""

    def __init__(self, client: redis.Redis, policy: BreakerPolicy) -> None:
        self._policy = policy
        self._read = client.register_script(READ)
        self._swap = client.register_script(SWAP)
        self._clean_until: dict[str, float] = {}

    def admit(self, node: str, model: str) -> Admission:
        """Ask whether a request for this model may go to this node."""
        admission = Admission(is_allowed=True)

        def change(state: BreakerState, now: float) -> BreakerState:
            nonlocal admission
            is_allowed = allows(state, now)
            is_probe = is_allowed and state.retry_at is not None
            admission = Admission(is_allowed, is_probe)
            if not is_allowed:
                return state
            return after_admission(state, now, self._policy)

        if not self._change(_key(node, model), change):
            return Admission(is_allowed=True)  # what was decided was not written
        return admission

    def succeeded(self, node: str, model: str) -> None:
        """Note an answer."""
        key = _key(node, model)
        if time.monotonic() >= self._clean_until.get(key, 0.0):
            self._change(key, lambda state, _now: after_success(state))

    def failed(self, node: str, model: str) -> None:
        """Note a failure that counts (`OllamaError.counts_for_breaker`)."""
        self._change(
            _key(node, model),
            lambda state, now: after_failure(state, now, self._policy),
        )

    def proved_nothing(self, node: str, model: str) -> None:
        """Give the probe back: it was cancelled, or the caller's mistake ended it."""
        self._change(_key(node, model), after_nothing)

    def modes(self, node: str, models: Sequence[str]) -> dict[str, BreakerMode]:
        """Give the breakers of these models; closed where nothing is known."""
        closed = dict.fromkeys(models, BreakerMode.CLOSED)
        if not models or not self._policy.threshold:
            return closed
        try:
            now, raws = self._look([_key(node, model) for model in models])
        except redis.RedisError as error:
            log.warning("breaker_store_unreachable", error=str(error))
            return closed
        return {
            model: mode(_state(raw), now)
            for model, raw in zip(models, raws, strict=True)
        }

    def _change(self, key: str, change: Change) -> bool:
        if not self._policy.threshold:
            return False
        try:
            return self._swap_until_done(key, change)
        except redis.RedisError as error:
            log.warning("breaker_store_unreachable", error=str(error))
            return False

    def _swap_until_done(self, key: str, change: Change) -> bool:
        for _ in range(ROUNDS):
            now, (raw,) = self._look([key])
            before = _state(raw)
            after = change(before, now)
            if after == before or self._try_swap(key, raw, after):
                self._remember(key, after)
                return True
        log.warning("breaker_contended", key=key)
        return False

    def _look(self, keys: list[str]) -> tuple[float, list[bytes | str | None]]:
        seconds, microseconds, raws = self._read(keys=keys)
        return int(seconds) + int(microseconds) / 1e6, raws

    def _try_swap(self, key: str, raw: bytes | str | None, after: BreakerState) -> bool:
        new = b"" if after == CLOSED else orjson.dumps(asdict(after))
        args: list[Any] = [raw or "", new, EXPIRY_SECONDS]  # what Redis takes
        return bool(self._swap(keys=[key], args=args))

    def _remember(self, key: str, state: BreakerState) -> None:
        if state == CLOSED:
            self._clean_until[key] = time.monotonic() + CLEAN_SECONDS
        else:
            self._clean_until.pop(key, None)


def _key(node: str, model: str) -> str:
    return f"breaker:{node}:{model}"


def _state(raw: bytes | str | None) -> BreakerState:
    return BreakerState(**orjson.loads(raw)) if raw else CLOSED
