"""Decide whether a node may be asked for a model. Pure: no clock, no store.

              `threshold` failures in a row
    closed ─────────────────────────────────► open
       ▲                                       │ `timeout_seconds`
       │  the probe succeeds                   ▼
       └──────────────────────────────── half-open: one probe at a time
                                               │
                      the probe fails: open again, for as long

A probe that is never heard of again (its worker died) holds the breaker half-open for
`timeout_seconds`; then the next one goes.
"""

from dataclasses import dataclass, replace
from enum import StrEnum


class BreakerMode(StrEnum):
    """What the breaker does with requests."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a breaker opens, and for how long.

    Args:
        threshold: So many failures in a row open it; 0 turns it off.
        timeout_seconds: How long it stays open before a probe.
    """

    threshold: int
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class BreakerState:
    """What is remembered of one node and model.

    Args:
        failures: In a row, until now.
        retry_at: When the next probe may go; None while closed.
        is_probing: A probe is under way.
    """

    failures: int = 0
    retry_at: float | None = None
    is_probing: bool = False


CLOSED = BreakerState()


def mode(state: BreakerState, now: float) -> BreakerMode:
    """Name the state; one that waits for its probe is half-open."""
    if state.retry_at is None:
        return BreakerMode.CLOSED
    if state.is_probing or now >= state.retry_at:
        return BreakerMode.HALF_OPEN
    return BreakerMode.OPEN


def allows(state: BreakerState, now: float) -> bool:
    """Tell whether a request may go; if the breaker is not closed it is the probe."""
    return state.retry_at is None or now >= state.retry_at


def after_admission(
    state: BreakerState, now: float, policy: BreakerPolicy
) -> BreakerState:
    """Give the state after an allowed request was sent: nobody else may probe."""
    if state.retry_at is None:
        return state
    return replace(state, retry_at=now + policy.timeout_seconds, is_probing=True)


def after_success(state: BreakerState) -> BreakerState:
    """Give the state after an answer; one from before the opening proves nothing."""
    if state.retry_at is None or state.is_probing:
        return CLOSED
    return state


def after_failure(
    state: BreakerState, now: float, policy: BreakerPolicy
) -> BreakerState:
    """Give the state after a failure that says something about the node."""
    if state.retry_at is not None and not state.is_probing:
        return state  # sent before the opening: known already
    failures = state.failures + 1
    if state.is_probing or failures >= policy.threshold:
        return BreakerState(failures, now + policy.timeout_seconds)
    return BreakerState(failures)


def after_nothing(state: BreakerState, now: float) -> BreakerState:
    """Give the state after a probe that proved nothing, such as a cancelled one."""
    if not state.is_probing:
        return state
    return replace(state, retry_at=now, is_probing=False)
