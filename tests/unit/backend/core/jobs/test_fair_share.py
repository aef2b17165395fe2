"""JOBS.md 8: start-time fair queueing."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.jobs.fair_share import Bid, Tags, estimated_cost, tag
from backend.core.jobs.states import Priority

HEAD_START = 20_000
FLOODER, OTHER = 1, 2


def bid(owner: int = 1, *, cost: int = 100, weight: float = 1.0) -> Bid:
    return Bid(owner, cost, weight, Priority.NORMAL)


def placed(
    *bids: Bid, lane_time: int = 0, finish: dict[int, int] | None = None
) -> list[Tags]:
    """Place bids as the database does: from where each owner stands."""
    ends = finish or {}
    stands = [max(lane_time, ends.get(one.owner_id, 0)) for one in bids]
    return [
        Tags(rank=t.rank + stand, start=t.start + stand, finish=t.finish + stand)
        for t, stand in zip(tag(bids, head_start=HEAD_START), stands, strict=True)
    ]


@dataclass
class Lane:
    """The queue as JOBS.md 8 describes it: one slot, tags by what is in it."""

    queued: list[tuple[int, int, Bid, Tags]] = field(default_factory=list)
    running: tuple[Bid, Tags] | None = None
    served: list[Bid] = field(default_factory=list)
    _number: int = 0

    def submit(self, one: Bid) -> None:
        held = [(b, t) for _, _, b, t in self.queued]
        held += [self.running] if self.running else []
        finish: dict[int, int] = {}
        for b, t in held:
            finish[b.owner_id] = max(finish.get(b.owner_id, 0), t.finish)
        (tags,) = placed(one, lane_time=self._time(), finish=finish)
        self._number += 1
        heapq.heappush(self.queued, (tags.rank, self._number, one, tags))

    def _time(self) -> int:
        if self.running:
            return self.running[1].start
        return min((t.start for _, _, _, t in self.queued), default=0)

    def serve(self) -> Bid | None:
        """End what runs and begin the next."""
        self.running = None
        if not self.queued:
            return None
        _, _, one, tags = heapq.heappop(self.queued)
        self.running = (one, tags)
        self.served.append(one)
        return one


def test_a_job_costs_its_prompt_and_what_it_may_generate() -> None:
    assert estimated_cost(400, 50) == 150
    assert estimated_cost(401, 50) == 151
    assert estimated_cost(0, 0) == 1


def test_an_owners_jobs_stand_one_behind_the_other() -> None:
    first, second = placed(bid(), bid())

    assert (first.start, first.finish) == (0, 100)
    assert (second.start, second.finish) == (100, 200)


def test_owners_in_one_batch_are_ranked_as_if_they_came_one_by_one() -> None:
    tags = placed(bid(FLOODER), bid(FLOODER), bid(OTHER))

    assert [one.start for one in tags] == [0, 100, 0]


def test_who_was_away_starts_where_the_lane_stands_and_not_before() -> None:
    (late,) = placed(bid(OTHER), lane_time=5_000, finish={FLOODER: 90_000})

    assert late.start == 5_000


def test_a_heavier_key_pays_less_for_the_same_job() -> None:
    (light,), (heavy,) = placed(bid()), placed(bid(weight=4.0))

    assert light.finish == 100
    assert heavy.finish == 25


def test_the_lightest_job_still_costs_something() -> None:
    (one,) = placed(bid(cost=1, weight=1000.0))

    assert one.finish == 1


@pytest.mark.parametrize("priority", list(Priority))
def test_priority_is_a_head_start_in_rank_and_in_nothing_else(
    priority: Priority,
) -> None:
    (one,) = placed(Bid(1, 100, 1.0, priority), lane_time=7)

    assert one == Tags(rank=7 - HEAD_START * priority, start=7, finish=107)


@pytest.mark.parametrize("flood_cost", [100, 1_000])
def test_an_owner_beside_a_flood_waits_for_the_running_job_only(
    flood_cost: int,
) -> None:
    lane = Lane()
    for _ in range(500):
        lane.submit(bid(FLOODER, cost=flood_cost))
    lane.serve()
    for _ in range(20):
        lane.submit(bid(OTHER))
        waited = 0
        while (one := lane.serve()) is not None and one.owner_id != OTHER:
            waited += 1

        assert waited <= 1


def test_low_priority_finishes_under_a_constant_stream_of_high() -> None:
    lane = Lane()
    low = Bid(OTHER, 100, 1.0, Priority.LOW)
    lane.submit(Bid(FLOODER, 1_000, 1.0, Priority.HIGH))
    lane.submit(low)
    rounds = 0
    while low not in lane.served:
        lane.submit(Bid(FLOODER, 1_000, 1.0, Priority.HIGH))
        lane.serve()
        rounds += 1

        assert rounds <= 2 * HEAD_START // 1_000 + 2


BIDS = st.builds(
    Bid,
    owner_id=st.integers(1, 4),
    cost=st.integers(1, 5_000),
    weight=st.sampled_from([0.5, 1.0, 2.0, 10.0]),
    priority=st.sampled_from(list(Priority)),
)


@given(st.lists(BIDS, min_size=1, max_size=60))
def test_nobody_starves(bids: Sequence[Bid]) -> None:
    """Each job is served after a bounded amount of later work, whatever comes."""
    lane = Lane()
    victim = Bid(99, 100, 1.0, Priority.LOW)
    lane.submit(bids[0])
    lane.serve()
    lane.submit(victim)
    work = 0
    index = 0
    while lane.serve() != victim:
        one = bids[index % len(bids)]
        lane.submit(one)
        work += one.cost
        index += 1

        # Four owners with at most weight 10 pass the head start of two priorities.
        assert work <= 4 * 10 * (2 * HEAD_START + 2 * 5_000)


@given(
    st.lists(BIDS, min_size=1, max_size=30), st.integers(0, 10**9), st.integers(0, 29)
)
def test_a_batch_is_ranked_like_single_submissions(
    bids: Sequence[Bid], lane_time: int, cut: int
) -> None:
    together = placed(*bids, lane_time=lane_time)
    finish: dict[int, int] = {}
    parts = placed(*bids[:cut], lane_time=lane_time, finish=finish) if cut else []
    carried: dict[int, int] = {}
    for one, tags in zip(bids[:cut], parts, strict=False):
        carried[one.owner_id] = tags.finish
    rest = placed(*bids[cut:], lane_time=lane_time, finish=carried)

    assert together == [*parts, *rest]


@given(st.integers(1, 1000), st.sampled_from([0.5, 1.0, 2.0, 4.0]))
def test_two_owners_share_by_weight(cost: int, weight: float) -> None:
    heavy = placed(*[bid(1, cost=cost, weight=weight)] * 40)
    light = placed(*[bid(2, cost=cost)] * 40)
    mixed = sorted(
        [(t.rank, 1) for t in heavy] + [(t.rank, 2) for t in light],
    )[:20]
    got = sum(owner == 1 for _, owner in mixed)

    assert abs(got - 20 * weight / (1 + weight)) <= 2 + 20 / cost
