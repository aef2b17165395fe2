"""Which embedding jobs go into one call, and what each has to pay for it (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from backend.core.jobs.records import Due
from backend.core.jobs.states import Kind
from worker.generation.body import embed_terms, inputs_of

# Ollama takes the texts of a call one after the other. Beyond this a call's own cost is
# hardly shared any more, and whoever sent one line would wait for somebody's book.
_MOST_TEXTS = 80
MOST_BYTES = 64 * 1024
# Callers that come again come at once.
_RECENT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class LastCall:
    """The call of a model before this one."""

    jobs: int
    seconds: float
    ended_at: float


def terms(request: dict[str, Any]) -> bytes:
    """Give what two requests must agree on to be asked together."""
    return orjson.dumps(embed_terms(request), option=orjson.OPT_SORT_KEYS)


def joinable(due: Sequence[Due], *, size: int) -> list[Due]:
    """Pick the best of some due jobs, and those that can be asked with it.

    They are in rank order. What would make the call too long is left for the next.
    """
    chosen: list[Due] = []
    wanted = b""
    texts = total = 0
    for job in due:
        request = _embedding(job)
        if not chosen:
            chosen.append(job)
            if request is None:
                break
            wanted, texts, total = terms(request), _texts(request), len(job.request)
        elif request is not None and terms(request) == wanted:
            more, longer = texts + _texts(request), total + len(job.request)
            if more <= max(size, _MOST_TEXTS) and longer <= MOST_BYTES:
                chosen.append(job)
                texts, total = more, longer
        if len(chosen) == size:
            break
    return chosen


def _embedding(job: Due) -> dict[str, Any] | None:
    if job.kind is not Kind.EMBED or not job.request:
        return None
    request: dict[str, Any] = orjson.loads(job.request)
    return request


def _texts(request: dict[str, Any]) -> int:
    return len(inputs_of(request))


def expected(last: LastCall | None, now: float) -> int:
    """Tell how many jobs come together, by the last call and how long ago it was."""
    if last is None or now - last.ended_at > _RECENT_SECONDS:
        return 1
    return last.jobs


def pause(
    limit: float, *, found: int, size: int, last: LastCall | None, now: float
) -> float:
    """Decide how many seconds to wait for more jobs before a call.

    Those who were answered together ask again together. A lone caller never waits, nor
    does anybody longer than half of what the last call took: it would cost more than
    another call.
    """
    if last is None or found >= min(size, expected(last, now)):
        return 0.0
    return min(limit, last.seconds / 2)


def shares(total: int, lengths: Sequence[int]) -> list[int]:
    """Divide a token count by input length, so that the shares sum to it exactly.

    Each gets the difference of the rounded running sums: rounding loses nothing.
    """
    whole = sum(lengths)
    if not whole:
        return [total, *[0] * (len(lengths) - 1)]
    result, paid, passed = [], 0, 0
    for length in lengths:
        passed += length
        upto = total * passed // whole
        result.append(upto - paid)
        paid = upto
    return result
