"""What answers tell of a key's limits, in the headers that OpenAI's clients read."""

from collections.abc import Iterable, Iterator

from backend.core.limits.decision import Balance

QUEUE_LENGTH = "X-Corral-Queue-Length"


def limit_headers(balances: Iterable[Balance]) -> dict[str, str]:
    """Write the limits of a minute, what is left, and when all of it is free again.

    Where both the key and its user are limited, of that which has less left.
    """
    headers: dict[str, str] = {}
    # What has the least left is written last.
    for name, limit, used, reset_ms in sorted(_of_a_minute(balances), key=_left)[::-1]:
        headers[f"x-ratelimit-limit-{name}"] = str(limit)
        headers[f"x-ratelimit-remaining-{name}"] = str(max(0, limit - used))
        headers[f"x-ratelimit-reset-{name}"] = duration(reset_ms if used else 0)
    return headers


_Minute = tuple[str, int, int, int]


def _of_a_minute(balances: Iterable[Balance]) -> Iterator[_Minute]:
    for balance in balances:
        limits, standing = balance.subject.limits, balance.standing
        if limits.rpm is not None:
            yield "requests", limits.rpm, standing.requests, standing.reset_ms
        if limits.tpm is not None:
            yield "tokens", limits.tpm, standing.tokens, standing.reset_ms


def _left(minute: _Minute) -> int:
    _, limit, used, _ = minute
    return limit - used


def duration(milliseconds: int) -> str:
    """Write a span as OpenAI does: `120ms`, `8.64s`, `6m0s`, `1h0m0s`."""
    if 0 < milliseconds < 1_000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest / 1_000:g}s"
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds
