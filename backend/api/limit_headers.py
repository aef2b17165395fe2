"""What answers tell of a key's limits, in the headers that OpenAI's clients read."""

from backend.core.limits.decision import KeyLimits, Standing

QUEUE_LENGTH = "X-Corral-Queue-Length"


def limit_headers(limits: KeyLimits, standing: Standing) -> dict[str, str]:
    """Write the limits of a minute, what is left, and when all of it is free again."""
    headers: dict[str, str] = {}
    for name, limit, used in (
        ("requests", limits.rpm, standing.requests),
        ("tokens", limits.tpm, standing.tokens),
    ):
        if limit is not None:
            reset_ms = standing.reset_ms if used else 0
            headers[f"x-ratelimit-limit-{name}"] = str(limit)
            headers[f"x-ratelimit-remaining-{name}"] = str(max(0, limit - used))
            headers[f"x-ratelimit-reset-{name}"] = duration(reset_ms)
    return headers


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
