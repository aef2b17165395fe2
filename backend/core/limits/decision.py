"""What the limits of a key and its user say to a request (pure).

Redis decides, in one step for all API processes (`scripts`); this tells the caller why.

    rpm, tpm         what was admitted in the last 60 s, be it under way or done
    daily_tokens     what was admitted since midnight UTC
    max_concurrency  jobs that are queued or run

Tokens count as estimated when a request is admitted, and as they were once its job has
ended; they belong to the minute and the day of its admission.
"""

import math
from collections.abc import Iterable
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
    """What may be limited, by the names of the fields of keys and users."""

    REQUESTS = "rpm"
    TOKENS = "tpm"
    DAILY_TOKENS = "daily_tokens"
    CONCURRENCY = "max_concurrency"


class Whose(StrEnum):
    """Whom limits bind, as a refusal calls them."""

    KEY = "The key"
    USER = "The user, with all keys together,"


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be used; None does not limit."""

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
class Subject:
    """One whom limits bind; `id` is a lineage's or a user's."""

    whose: Whose
    id: int
    limits: Limits


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a caller may use.

    Args:
        lineage_id: What the keys of one rotation chain have in common: they share what
            they use.
        key: Its key's limits.
        user_id: Of its user, if that has limits.
        user: Which bind all of its keys together.
    """

    lineage_id: int
    key: Limits = Limits()
    user_id: int | None = None
    user: Limits = Limits()

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """List whom it binds: first the key, also where only its user has limits."""
        key = Subject(Whose.KEY, self.lineage_id, self.key)
        if self.user_id is None:
            return (key,)
        return key, Subject(Whose.USER, self.user_id, self.user)


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody uses at a moment.

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
class Balance:
    """Somebody with limits, and how they stand."""

    subject: Subject
    standing: Standing


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


@dataclass(frozen=True, slots=True)
class Demand:
    """What a request asks for.

    Args:
        tokens: That its jobs may use together.
        jobs: That it is, each of which counts as a request.
    """

    tokens: int
    jobs: int = 1


def hindrance(balances: Iterable[Balance], demand: Demand) -> Hindrance:
    """Tell what a request that was not admitted has to wait for longest.

    Args:
        balances: Whom its limits bind, as they were found.
        demand: What it asks for.

    Raises:
        ValueError: If nothing hinders it.
    """
    found = [
        told
        for balance in balances
        for rule in _RULES
        if (told := rule(balance.subject, balance.standing, demand)) is not None
    ]
    return max(found, key=lambda one: math.inf if one.wait_ms is None else one.wait_ms)


def _by_number(subject: Subject, _: Standing, demand: Demand) -> Hindrance | None:
    limits, count = subject.limits, demand.jobs
    for limit, most, what in (
        (Limit.REQUESTS, limits.rpm, "requests a minute"),
        (Limit.CONCURRENCY, limits.max_concurrency, "jobs at a time"),
    ):
        if most is not None and count > most:
            detail = (
                f"This request is {count} in one. {subject.whose} is allowed {most}"
                f" {what} ({limit}), so it can never pass; ask for fewer answers at"
                " once."
            )
            return Hindrance(limit, detail, None, RequestsAboveLimitError)
    return None


def _by_size(subject: Subject, _: Standing, demand: Demand) -> Hindrance | None:
    cost = demand.tokens
    for limit, most, span in (
        (Limit.TOKENS, subject.limits.tpm, "minute"),
        (Limit.DAILY_TOKENS, subject.limits.daily_tokens, "day"),
    ):
        if most is not None and cost > most:
            detail = (
                f"This request may use {cost} tokens (its prompt's and those that it"
                f" lets be generated). {subject.whose} is allowed {most} in a {span}"
                f" ({limit}), so it can never pass; shorten the prompt, or ask for"
                " fewer tokens."
            )
            return Hindrance(limit, detail, None, TokensAboveLimitError)
    return None


def _by_requests(
    subject: Subject, standing: Standing, demand: Demand
) -> Hindrance | None:
    allowed = subject.limits.rpm
    if allowed is None or standing.requests + demand.jobs <= allowed:
        return None
    detail = (
        f"{subject.whose} is allowed {allowed} requests a minute (rpm), and"
        f" {standing.requests} were accepted in the last 60 s{_and_asks(demand)}."
    )
    return Hindrance(Limit.REQUESTS, detail, standing.requests_wait_ms)


def _by_tokens(
    subject: Subject, standing: Standing, demand: Demand
) -> Hindrance | None:
    allowed, cost = subject.limits.tpm, demand.tokens
    if allowed is None or standing.tokens + cost <= allowed:
        return None
    detail = (
        f"{subject.whose} is allowed {allowed} tokens a minute (tpm);"
        f" {standing.tokens} are taken, and this request may use {cost}."
    )
    return Hindrance(Limit.TOKENS, detail, standing.tokens_wait_ms)


def _by_day(subject: Subject, standing: Standing, demand: Demand) -> Hindrance | None:
    allowed, reserved = subject.limits.daily_tokens, standing.reserved
    cost = demand.tokens
    if allowed is None or standing.charged + reserved + cost <= allowed:
        return None
    used_up = standing.charged + cost > allowed
    detail = (
        f"{subject.whose} is allowed {allowed} tokens a day (daily_tokens, UTC);"
        f" {standing.charged} are used, {reserved} are held back for jobs under way,"
        f" and this request may use {cost}."
    )
    if used_up:
        error, wait_ms = InsufficientQuotaError, standing.day_ms
        return Hindrance(Limit.DAILY_TOKENS, detail, wait_ms, error)
    return Hindrance(Limit.DAILY_TOKENS, detail, _LOOK_AGAIN_MS)


def _by_places(
    subject: Subject, standing: Standing, demand: Demand
) -> Hindrance | None:
    allowed = subject.limits.max_concurrency
    if allowed is None or standing.places + demand.jobs <= allowed:
        return None
    detail = (
        f"{subject.whose} is allowed {allowed} jobs at a time (max_concurrency), and"
        f" {standing.places} are queued or run{_and_asks(demand)}."
    )
    return Hindrance(Limit.CONCURRENCY, detail, _LOOK_AGAIN_MS)


def _and_asks(demand: Demand) -> str:
    return "" if demand.jobs == 1 else f"; this request is {demand.jobs} in one"


_RULES = (_by_number, _by_size, _by_requests, _by_tokens, _by_day, _by_places)
