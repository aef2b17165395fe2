"""`make bench-memory`: what the API and the worker hold, with many streams and jobs.

Prints the resident memory of one API process with 200 open streams and of a worker
with 64 running jobs, then how both grow over 20,000 jobs.
"""

import asyncio
import tempfile
import time
from pathlib import Path

from infra.bench import targets
from infra.bench.caller import call
from infra.bench.stack import Corral, Upstream

SLOTS = 64
STREAMS = 200
JOBS = 20_000
# By then pools, caches and the interpreter have what they need.
_WARM_JOBS = 4_000


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="corral-memory-") as work:
        print(
            "starting the simulator, MariaDB, Redis, API, worker and beat …", flush=True
        )
        upstream = Upstream(targets.MODEL)
        corral = Corral(Path(work), upstream, slots=SLOTS, api_workers=1)
        try:
            _measure(corral, upstream)
        finally:
            corral.stop()
            upstream.stop()


def _measure(corral: Corral, upstream: Upstream) -> None:
    _print("at rest", corral)
    upstream.pace(20)
    wrong = asyncio.run(_streams(corral))
    print(f"  wrong answers: {wrong}")
    upstream.pace(0)
    _send(corral, _WARM_JOBS)
    _print(f"after {_WARM_JOBS:,} jobs", corral)
    for done in range(JOBS // 4, JOBS + 1, JOBS // 4):
        _send(corral, JOBS // 4)
        _print(f"after {done:,} more", corral)


async def _streams(corral: Corral) -> int:
    target = targets.corral(corral.port, corral.key, tokens=100, stream=True)
    calls = asyncio.create_task(call(target, callers=STREAMS, requests=STREAMS))
    await asyncio.sleep(4)
    await asyncio.to_thread(
        _print, f"{STREAMS} open streams, {SLOTS} running jobs", corral
    )
    return (await calls).wrong


def _send(corral: Corral, jobs: int) -> None:
    target = targets.corral(corral.port, corral.key, tokens=1, stream=False)
    timings = asyncio.run(call(target, callers=SLOTS, requests=jobs))
    if timings.wrong:
        print(f"  wrong answers: {timings.wrong}")
    time.sleep(1)


def _print(when: str, corral: Corral) -> None:
    parts = corral.memory_mb()
    figures = "  ".join(f"{name} {value:6.1f} MB" for name, value in parts.items())
    print(f"{when:<40}{figures}", flush=True)


if __name__ == "__main__":
    main()
