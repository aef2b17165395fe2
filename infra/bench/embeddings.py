"""The second part of `make bench`: what joining embedding jobs brings (JOBS.md 12).

One short text a call, asked of Corral as it is and of a second Corral that joins
nothing (WORKER_BATCH_SIZE=1), in interleaved rounds. How much of Ollama's time belongs
to a call and how much to each of its texts decides the gain, so it is told for several
upstreams; the bar is held against the one that was recorded.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.bench import targets
from infra.bench.figures import Bar, Case, Figures, ratios, table
from infra.bench.rounds import Contender, rounds
from infra.bench.stack import ROOT, Corral, Upstream

# As for `infra.bench.run`; an embedding model has one slot whatever is said here.
SLOTS = 64


@dataclass(frozen=True, slots=True)
class Load:
    """A case, and the time that the upstream takes for it in milliseconds."""

    case: Case
    title: str
    call_ms: float
    text_ms: float


def _load(
    name: str, callers: int, requests: int, *, ms: tuple[float, float], of: str
) -> Load:
    case = Case(name, callers, requests, tokens=1, rate=0, stream=False)
    noun = "caller" if callers == 1 else "callers"
    return Load(case, f"{callers} {noun}, {of}", *ms)


# Recorded of Ollama 0.24.0 with a tiny model (see the simulator's README).
RECORDED = (1.2, 1.2)
LOADS = (
    _load("e1", 1, 200, ms=RECORDED, of="as recorded"),
    _load("e8", 8, 500, ms=RECORDED, of="as recorded"),
    _load("e64", 64, 1_000, ms=RECORDED, of="as recorded"),
    _load("e64-free", 64, 1_000, ms=(0, 0), of="no delay"),
    _load("e64-slow", 64, 1_000, ms=(1.2, 5), of="5 ms a text"),
    _load("e64-batch", 64, 1_000, ms=(8, 0.2), of="8 ms a call"),
)
BAR: tuple[Bar, ...] = (
    ("embeddings/s, 64 callers", "e64", "requests_per_second", ">=", 3.0),
)


def main() -> None:
    """Measure and print."""
    options = _options()
    folder = ROOT / ".bench"
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="corral-embed-") as work:
        results = _measure(Path(work), options)
    print(f"\n{table(results, {load.case.name: load.title for load in LOADS})}\n")
    _print_gains(results)
    document = {
        "cores": os.cpu_count(),
        "loads": [asdict(load) for load in LOADS if load.case.name in results],
        "cases": {
            case: {name: asdict(run) for name, run in by_name.items()}
            for case, by_name in results.items()
        },
    }
    (folder / "embeddings.json").write_text(json.dumps(document, indent=2))
    print(f"JSON: {folder / 'embeddings.json'}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    names = [load.case.name for load in LOADS]
    parser.add_argument("--only", nargs="*", default=names, choices=names)
    return parser.parse_args()


def _measure(work: Path, options: argparse.Namespace) -> dict[str, dict[str, Figures]]:
    print("starting the simulator and two Corrals …", flush=True)
    upstream = Upstream(targets.EMBED_MODEL)
    corrals: dict[str, Corral] = {}
    loads = {one.case.name: one for one in LOADS if one.case.name in options.only}

    def prepare(case: Case) -> None:
        load = loads[case.name]
        upstream.embeds_in(call_ms=load.call_ms, text_ms=load.text_ms)

    try:
        corrals["corral"] = _corral(work / "joined", upstream, {})
        corrals["alone"] = _corral(work / "alone", upstream, {"WORKER_BATCH_SIZE": "1"})
        return rounds(
            [load.case for load in loads.values()],
            [_upstream(upstream), *(_asked(*item) for item in corrals.items())],
            titles={name: load.title for name, load in loads.items()},
            number=options.rounds,
            prepare=prepare,
        )
    finally:
        for corral in corrals.values():
            corral.stop()
        upstream.stop()


def _corral(folder: Path, upstream: Upstream, settings: Mapping[str, str]) -> Corral:
    folder.mkdir()
    return Corral(
        folder, upstream, slots=SLOTS, model=targets.EMBED_MODEL, settings=settings
    )


def _upstream(upstream: Upstream) -> Contender:
    return Contender(
        "upstream", lambda _: targets.upstream_embedding(upstream.port), lambda: 0.0
    )


def _asked(name: str, corral: Corral) -> Contender:
    target = targets.corral_embedding(name, corral.port, corral.key)
    return Contender(name, lambda _: target, corral.cpu_seconds)


def _print_gains(results: Mapping[str, Mapping[str, Figures]]) -> None:
    print("joined : alone")
    for load in LOADS:
        if (by_name := results.get(load.case.name)) is not None:
            joined, alone = by_name["corral"], by_name["alone"]
            gain = joined.requests_per_second / alone.requests_per_second
            print(f"  {load.title:<28}{gain:>8.2f}")
    for what, value, bar, holds in ratios(results, "alone", BAR):
        print(
            f"  {what:<28}{value:>8.2f}   bar {bar:<8}{'holds' if holds else 'MISSED'}"
        )


if __name__ == "__main__":
    main()
