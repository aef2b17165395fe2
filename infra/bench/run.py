"""`make bench`: the overhead of Corral over its upstream, on this machine, in one run.

The simulator answers without delay, so what is measured is what stands before it. Load
generator, upstream and everything else share this machine's cores; absolute figures
drift with it, ratios within a run hold. Rounds are interleaved, medians are printed.
"""

import argparse
import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path

from infra.bench import peer, targets
from infra.bench.figures import Case, Figures, ratios, table
from infra.bench.rounds import Contender, rounds
from infra.bench.stack import ROOT, Corral, Upstream

SLOTS = 64
CASES = (
    Case("c1", callers=1, requests=300, tokens=1, rate=0, stream=False),
    Case("c8", callers=8, requests=1_000, tokens=1, rate=0, stream=False),
    Case("c64", callers=64, requests=3_000, tokens=1, rate=0, stream=False),
    Case("s64", callers=64, requests=640, tokens=64, rate=0, stream=True),
    Case("p64", callers=64, requests=192, tokens=100, rate=100, stream=True),
)
TITLES = {
    "c1": "1 caller, 1-token reply",
    "c8": "8 callers, 1-token replies",
    "c64": "64 callers, 1-token replies",
    "s64": "64 streams of 64 tokens, no delay",
    "p64": "64 streams, 100 tokens at 10 ms",
}


def main() -> None:
    """Measure and print."""
    options = _options()
    folder = ROOT / ".bench"
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="corral-bench-") as work:
        results = _measure(Path(work), folder, options)
    document = _document(results, options.peer)
    (folder / "result.json").write_text(json.dumps(document, indent=2))
    print(f"\n{table(results, TITLES)}\n")
    if options.peer:
        _print_ratios(results, options.peer)
    print(f"JSON: {folder / 'result.json'}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", choices=["litellm"], help="measure it beside Corral")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[case.name for case in CASES])
    return parser.parse_args()


def _measure(
    work: Path, folder: Path, options: argparse.Namespace
) -> dict[str, dict[str, Figures]]:
    print("starting the simulator, MariaDB, Redis, API, worker and beat …", flush=True)
    upstream = Upstream(targets.MODEL)
    corral = Corral(work, upstream, slots=SLOTS)
    contenders = [_upstream(upstream), _corral(corral), _corral_openai(corral)]
    proxy = None
    try:
        if options.peer:
            place = folder / "peer"
            place.mkdir(exist_ok=True)
            proxy = peer.best(place, upstream)
            contenders.append(_litellm(proxy))
        return rounds(
            [case for case in CASES if case.name in options.only],
            contenders,
            titles=TITLES,
            number=options.rounds,
            prepare=lambda case: upstream.pace(case.rate),
        )
    finally:
        if proxy is not None:
            proxy.stop()
        corral.stop()
        upstream.stop()


def _upstream(upstream: Upstream) -> Contender:
    return Contender(
        "upstream",
        lambda case: targets.upstream(
            upstream.port, tokens=case.tokens, stream=case.stream
        ),
        lambda: 0.0,
    )


def _corral(corral: Corral) -> Contender:
    return Contender(
        "corral",
        lambda case: targets.corral(
            corral.port, corral.key, tokens=case.tokens, stream=case.stream
        ),
        corral.cpu_seconds,
    )


def _corral_openai(corral: Corral) -> Contender:
    return Contender(
        "corral /v1",
        lambda case: targets.corral_openai(
            corral.port, corral.key, tokens=case.tokens, stream=case.stream
        ),
        corral.cpu_seconds,
    )


def _litellm(proxy: peer.LiteLlm) -> Contender:
    return Contender(
        "litellm",
        lambda case: targets.litellm(
            proxy.port, proxy.key, tokens=case.tokens, stream=case.stream
        ),
        proxy.cpu_seconds,
    )


def _print_ratios(results: dict[str, dict[str, Figures]], name: str) -> None:
    print(f"corral : {name}")
    for what, value, bar, holds in ratios(results, name):
        print(
            f"  {what:<28}{value:>8.2f}   bar {bar:<8}{'holds' if holds else 'MISSED'}"
        )
    print()


def _document(
    results: dict[str, dict[str, Figures]], name: str | None
) -> dict[str, object]:
    document: dict[str, object] = {
        "cores": os.cpu_count(),
        "slots": SLOTS,
        "cases": {
            case: {target: asdict(run) for target, run in by_target.items()}
            for case, by_target in results.items()
        },
    }
    if name:
        document["ratios"] = [
            {"what": what, "value": value, "bar": bar, "holds": holds}
            for what, value, bar, holds in ratios(results, name)
        ]
    return document


if __name__ == "__main__":
    main()
