"""What a key's limits say to a request (pure).

Redis decides, in one step for all API processes (`scripts`); this tells the caller why.

    rpm, tpm         what was admitted in the last 60 s, be it under way or done
    daily_tokens     what was admitted since midnight UTC
    max_concurrency  jobs that are queued or run

Tokens count as estimated when a request is admitted, and as they were once its job has
ended; they belong to the minute and the day of its admission.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from backend.core.errors import (
    AppError,
    InsufficientQuotaError,
    RateLimitedError,
    RequestsAboveLimitError,
    TokensAboveLimitError,
)

# Nobody knows when a job will end, so its place and its tokens are worth a look soon.
_LOOK_AGAIN_MS = 1_000


class Limit(StrEnum):
    """What may be limited, by the names of a key's fields."""

    REQUESTS = "rpm"
    TOKENS = "tpm"
    DAILY_TOKENS = "daily_tokens"
    CONCURRENCY = "max_concurrency"


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """What a key may use; None does not limit.

    `lineage_id` is what the keys of one rotation chain have in common: they share what
    they use.
    """

    lineage_id: int
    rpm: int | None = None
    tpm: int | None = None
    daily_tokens: int | None = None
    max_concurrency: int | None = None

    @property
    def any(self) -> bool:
        """Tell whether there is a limit at all."""
        limits = (self.rpm, self.tpm, self.daily_tokens, self.max_concurrency)
        return any(limit is not None for limit in limits)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a lineage uses at a moment.

    Args:
        requests: Admitted in the last 60 s.
        tokens: Of those.
        charged: Tokens of today's jobs that have ended.
        reserved: Tokens that today's other jobs hold back.
        places: Jobs under way.
        requests_wait_ms: Until a request more fits into the minute.
        tokens_wait_ms: Until the tokens that were asked for do.
        reset_ms: Until nothing of now is left of the minute.
        day_ms: Until midnight UTC.
    """

    requests: int
    tokens: int
    charged: int
    reserved: int
    places: int
    requests_wait_ms: int
    tokens_wait_ms: int
    reset_ms: int
    day_ms: int


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a request is not admitted; `wait_ms` None means that waiting is no help."""

    limit: Limit
    detail: str
    wait_ms: int | None
    error: type[AppError] = RateLimitedError

    def as_error(self) -> AppError:
        """Make the error for the caller."""
        if self.wait_ms is None:
            return self.error(self.detail)
        return self.error(
            self.detail, retry_after=max(1, math.ceil(self.wait_ms / 1e3))
        )


def hindrance(
    limits: KeyLimits, standing: Standing, cost: int, *, count: int = 1
) -> Hindrance:
    """Tell what a request that was not admitted has to wait for longest.

    Args:
        limits: Of its key.
        standing: As it was found.
        cost: The tokens that it may use.
        count: The jobs that it is, each of which counts as a request.

    Raises:
        ValueError: If nothing hinders it.
    """
    found = [
        _by_number(limits, count),
        _by_size(limits, cost),
        _by_requests(limits, standing, count),
        _by_tokens(limits, standing, cost),
        _by_day(limits, standing, cost),
        _by_places(limits, standing, count),
    ]
    return max(
        (one for one in found if one is not None),
        key=lambda one: math.inf if one.wait_ms is None else one.wait_ms,
    )


def _by_number(limits: KeyLimits, count: int) -> Hindrance | None:
    for limit, most, what in (
        (Limit.REQUESTS, limits.rpm, "requests a minute"),
        (Limit.CONCURRENCY, limits.max_concurrency, "jobs at a time"),
    ):
        if most is not None and count > most:
            detail = (
                f"This request is {count} in one, and the key is allowed {most} {what}"
                f" ({limit}), so it can never pass; ask for fewer answers at once."
            )
            return Hindrance(limit, detail, None, RequestsAboveLimitError)
    return None


def _by_size(limits: KeyLimits, cost: int) -> Hindrance | None:
    for limit, most, span in (
        (Limit.TOKENS, limits.tpm, "minute"),
        (Limit.DAILY_TOKENS, limits.daily_tokens, "day"),
    ):
        if most is not None and cost > most:
            detail = (
                f"This request may use {cost} tokens (its prompt's and those that it"
                f" lets be generated), and the key is allowed {most} in a {span}"
                f" ({limit}), so it can never pass; shorten the prompt, or ask for"
                " fewer tokens."
            )
            return Hindrance(limit, detail, None, TokensAboveLimitError)
    return None


def _by_requests(limits: KeyLimits, standing: Standing, count: int) -> Hindrance | None:
    if limits.rpm is None or standing.requests + count <= limits.rpm:
        return None
    detail = (
        f"The key is allowed {limits.rpm} requests a minute (rpm), and"
        f" {standing.requests} were accepted in the last 60 s{_and_asks(count)}."
    )
    return Hindrance(Limit.REQUESTS, detail, standing.requests_wait_ms)


def _by_tokens(limits: KeyLimits, standing: Standing, cost: int) -> Hindrance | None:
    if limits.tpm is None or standing.tokens + cost <= limits.tpm:
        return None
    detail = (
        f"The key is allowed {limits.tpm} tokens a minute (tpm); {standing.tokens} are"
        f" taken, and this request may use {cost}."
    )
    return Hindrance(Limit.TOKENS, detail, standing.tokens_wait_ms)


def _by_day(limits: KeyLimits, standing: Standing, cost: int) -> Hindrance | None:
    allowed, reserved = limits.daily_tokens, standing.reserved
    if allowed is None or standing.charged + reserved + cost <= allowed:
        return None
    used_up = standing.charged + cost > allowed
    detail = (
        f"The key is allowed {allowed} tokens a day (daily_tokens, UTC);"
        f" {standing.charged} are used, {reserved} are held back for jobs under way,"
        f" and this request may use {cost}."
    )
    if used_up:
        error, wait_ms = InsufficientQuotaError, standing.day_ms
        return Hindrance(Limit.DAILY_TOKENS, detail, wait_ms, error)
    return Hindrance(Limit.DAILY_TOKENS, detail, _LOOK_AGAIN_MS)


def _by_places(limits: KeyLimits, standing: Standing, count: int) -> Hindrance | None:
    most = limits.max_concurrency
    if most is None or standing.places + count <= most:
        return None
    detail = (
        f"The key is allowed {most} jobs at a time (max_concurrency), and"
        f" {standing.places} are queued or run{_and_asks(count)}."
    )
    return Hindrance(Limit.CONCURRENCY, detail, _LOOK_AGAIN_MS)


def _and_asks(count: int) -> str:
    return "" if count == 1 else f"; this request is {count} in one"
