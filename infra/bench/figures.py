"""From timings to the figures that are printed (pure)."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.bench.caller import Timings

# Places of the percentiles in `statistics.quantiles(n=100)`.
_P50, _P95, _P99 = 49, 94, 98


@dataclass(frozen=True, slots=True)
class Case:
    """A load: so many callers, requests in all, tokens each, tokens per second."""

    name: str
    callers: int
    requests: int
    tokens: int
    rate: float
    stream: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """One run of a case; milliseconds where a name says so."""

    requests_per_second: float
    tokens_per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    first_text_p50_ms: float | None
    cpu_ms_per_job: float
    wrong: int


def figures(case: Case, timings: Timings, cpu_seconds: float) -> Figures:
    """Sum a run up."""
    whole = _milliseconds(timings.whole)
    first = _milliseconds(timings.first_text)
    return Figures(
        requests_per_second=case.requests / timings.wall,
        tokens_per_second=case.requests * case.tokens / timings.wall,
        p50_ms=whole[_P50],
        p95_ms=whole[_P95],
        p99_ms=whole[_P99],
        first_text_p50_ms=first[_P50] if first else None,
        cpu_ms_per_job=cpu_seconds * 1000 / case.requests,
        wrong=timings.wrong,
    )


def _milliseconds(seconds: Sequence[float]) -> list[float]:
    if len(seconds) < 2:
        return [value * 1000 for value in seconds] * 99
    return [v * 1000 for v in statistics.quantiles(seconds, n=100, method="inclusive")]


# What is held against whom: its name, the case, the figure, and the bar.
Bar = tuple[str, str, str, str, float]
BARS: tuple[Bar, ...] = (
    ("requests/s, 64 callers", "c64", "requests_per_second", ">=", 3.0),
    ("p50, 1 caller", "c1", "p50_ms", "<=", 0.5),
    ("tokens/s, 64 streams", "s64", "tokens_per_second", ">=", 8.0),
    ("tokens/s, paced streams", "p64", "tokens_per_second", ">=", 2.0),
    ("CPU per paced stream", "p64", "cpu_ms_per_job", "<=", 0.3),
)


def median(runs: Sequence[Figures]) -> Figures:
    """Take the median of each figure over the rounds."""

    def middle(name: str) -> float | None:
        values = [value for run in runs if (value := getattr(run, name)) is not None]
        return statistics.median(values) if values else None

    names = Figures.__dataclass_fields__
    values = {name: middle(name) for name in names}
    return Figures(**values)  # type: ignore[arg-type]  # medians of what they were


def ratios(
    cases: Mapping[str, Mapping[str, Figures]],
    peer: str,
    bars: Sequence[Bar] = BARS,
) -> list[tuple[str, float, str, bool]]:
    """Hold Corral against a peer, where measured: (what, ratio, bar, holds)."""
    rows = [
        (what, _ratio(cases[case], peer, figure), sign, bar)
        for what, case, figure, sign, bar in bars
        if case in cases
    ]
    return [
        (what, value, f"{sign} {bar:g}", value >= bar if sign == ">=" else value <= bar)
        for what, value, sign, bar in rows
    ]


def _ratio(by_target: Mapping[str, Figures], peer: str, figure: str) -> float:
    return float(
        getattr(by_target["corral"], figure) / getattr(by_target[peer], figure)
    )


def table(cases: Mapping[str, Mapping[str, Figures]], titles: Mapping[str, str]) -> str:
    """Print all figures, one row for each case and target."""
    head = (
        f"{'case':<34}{'target':<12}{'req/s':>9}{'tokens/s':>10}{'p50 ms':>9}"
        f"{'p95 ms':>9}{'p99 ms':>9}{'added p50':>10}{'TTFT ms':>9}"
        f"{'CPU ms':>8}{'wrong':>6}"
    )
    lines = [head, "-" * len(head)]
    for name, by_target in cases.items():
        base = by_target["upstream"].p50_ms
        lines += [
            _row(titles[name], target, run, base) for target, run in by_target.items()
        ]
    return "\n".join(lines)


def _row(title: str, target: str, run: Figures, base: float) -> str:
    first = "-" if run.first_text_p50_ms is None else f"{run.first_text_p50_ms:.2f}"
    added = "-" if target == "upstream" else f"{run.p50_ms - base:.2f}"
    return (
        f"{title:<34}{target:<12}{run.requests_per_second:>9.0f}"
        f"{run.tokens_per_second:>10.0f}{run.p50_ms:>9.2f}{run.p95_ms:>9.2f}"
        f"{run.p99_ms:>9.2f}{added:>10}{first:>9}{run.cpu_ms_per_job:>8.2f}"
        f"{run.wrong:>6.0f}"
    )
