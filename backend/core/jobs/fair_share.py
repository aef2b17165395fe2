"""Start-time fair queueing: who is next in a lane (JOBS.md 8).

Goyal, Vin and Cheng, "Start-time Fair Queueing" (1996): a job starts, in virtual time,
where the lane stands or where its owner's last job ends, whichever is later, and takes
its cost divided by the owner's weight. Jobs run in the order of their *start* tags, so
a flooder's second job already stands behind everybody's first.

Priority is a head start in tokens, so it can be caught up with: nobody starves.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from backend.core.jobs.states import Priority

# About four characters make a token in the tokenizers of today's models; a rank needs
# a fair guess before the model has counted, not a count.
_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Tags:
    """A job's place in virtual tokens after where its owner stood; `rank` orders."""

    rank: int
    start: int
    finish: int


@dataclass(frozen=True, slots=True)
class Bid:
    """What a job brings to the queue; cost in estimated tokens."""

    owner_id: int
    cost: int
    weight: float
    priority: Priority


def estimated_cost(prompt_characters: int, max_tokens: int) -> int:
    """Estimate a job's tokens: its prompt's and those it may generate."""
    return max(1, math.ceil(prompt_characters / _CHARACTERS_PER_TOKEN) + max_tokens)


def tag(bids: Iterable[Bid], *, head_start: int) -> list[Tags]:
    """Place a batch of jobs of one lane, in order, as if they came one by one.

    An owner stands where the lane does or where its last job ends, whichever is later:
    the lane at the largest start among the running, else the smallest among the queued,
    else 0. The database knows both and adds them; from there on each job of an owner
    starts where the one before it ends.

    Args:
        bids: The jobs, first come first.
        head_start: Tokens between two priorities.
    """
    ends: dict[int, int] = defaultdict(int)
    return [_place(bid, ends, head_start) for bid in bids]


def _place(bid: Bid, ends: dict[int, int], head_start: int) -> Tags:
    start = ends[bid.owner_id]
    finish = start + max(1, round(bid.cost / bid.weight))
    ends[bid.owner_id] = finish
    return Tags(rank=start - head_start * bid.priority, start=start, finish=finish)
