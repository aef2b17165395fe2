"""Which embedding jobs go into one call, and what each has to pay for it (pure)."""

from collections.abc import Sequence
from typing import Any

import orjson

from backend.core.jobs.records import Due
from backend.core.jobs.states import Kind

_MUST_AGREE = ("dimensions", "truncate", "options")


def terms(request: dict[str, Any]) -> tuple[Any, ...]:
    """Give what two requests must agree on to be asked together."""
    return tuple(
        orjson.dumps(request.get(name), option=orjson.OPT_SORT_KEYS)
        for name in _MUST_AGREE
    )


def joinable(first: dict[str, Any], due: Sequence[Due], *, room: int) -> list[Due]:
    """Pick from due jobs, in rank order, those that can be asked with the first."""
    wanted = terms(first)
    fitting = (
        job
        for job in due
        if job.kind is Kind.EMBED and terms(orjson.loads(job.request)) == wanted
    )
    return [job for job, _ in zip(fitting, range(room), strict=False)]


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
