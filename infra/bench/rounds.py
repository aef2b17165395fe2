"""Interleaved rounds: each case is asked of everybody before the next one begins."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from infra.bench.caller import Target, call
from infra.bench.figures import Case, Figures, figures, median


@dataclass(frozen=True, slots=True)
class Contender:
    """Who is measured: how to ask it, and what CPU it has used."""

    name: str
    target: Callable[[Case], Target]
    cpu_seconds: Callable[[], float]


def rounds(
    cases: Sequence[Case],
    contenders: Sequence[Contender],
    *,
    titles: Mapping[str, str],
    number: int,
    prepare: Callable[[Case], None],
) -> dict[str, dict[str, Figures]]:
    """Give the medians of each case and contender; `prepare` sets the upstream."""
    runs: dict[str, dict[str, list[Figures]]] = defaultdict(lambda: defaultdict(list))
    for this in range(number + 1):
        # The first round warms everything up and is not counted.
        word = f"round {this} of {number}" if this else "warming up"
        for case in cases:
            print(f"{word}: {titles[case.name]}", flush=True)
            prepare(case)
            for contender in contenders:
                run = _run(case, contender, warm_up=not this)
                if this:
                    runs[case.name][contender.name].append(run)
    return {
        case: {name: median(of) for name, of in by_name.items()}
        for case, by_name in runs.items()
    }


def _run(case: Case, contender: Contender, *, warm_up: bool) -> Figures:
    requests = max(case.callers, case.requests // 4) if warm_up else case.requests
    sized = Case(**{**asdict(case), "requests": requests})
    before = contender.cpu_seconds()
    target = contender.target(case)
    timings = asyncio.run(call(target, callers=case.callers, requests=requests))
    # What a process does for a job after its answer counts as well.
    time.sleep(0.3)
    run = figures(sized, timings, contender.cpu_seconds() - before)
    if timings.wrong:
        print(f"  {contender.name}: {timings.wrong} wrong, such as")
        print(f"  {timings.sample[-400:]!r}")
    return run
