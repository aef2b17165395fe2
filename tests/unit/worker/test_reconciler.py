"""JOBS.md 16: a node's own work."""

import threading
from collections.abc import Iterator
from typing import Any, Self

import orjson
import pytest

from backend.core.jobs.records import Due
from backend.core.jobs.states import Kind, State
from tests.factories import MODEL, due_job, settings_for
from tests.unit.worker.generation.test_embed import Bench
from worker.holdings import AbortReason
from worker.ollama.abort import ExchangeAbortedError
from worker.ollama.errors import ModelMissingError
from worker.reconciler import Reconciler


class FakePull:
    """A download: lines of progress, then what a test says."""

    def __init__(self, reads: list[Any]) -> None:
        self._reads = reads

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def __iter__(self) -> Iterator[list[dict[str, Any]]]:
        for read in self._reads:
            if isinstance(read, Exception):
                raise read
            yield read


class NodeBench(Bench):
    """A reconciler among fakes."""

    def __init__(self, *due: Due) -> None:
        super().__init__()
        self.claim.due = list(due)
        self.claim.look = lambda lane, limit: self.claim.due[:limit]  # type: ignore[method-assign]  # its lane is the node's
        self.reads: list[Any] = [[{"status": "success"}]]
        self.unloaded: list[str] = []
        self.deleted: list[str] = []
        self.copied: list[tuple[str, str]] = []
        self.draining = threading.Event()
        self.now = 100.0
        ollama: Any = self.ollama
        ollama.pull = lambda model, **_: FakePull(self.reads)
        ollama.unload = self.unloaded.append
        ollama.delete = self.deleted.append
        ollama.copy = lambda model, destination: self.copied.append(
            (model, destination)
        )
        fakes: Any = {"client": ollama, "models": self.models}
        self.reconciler = Reconciler(
            settings=settings_for(),
            ledger=self.ledger,
            answerer=self.embedder._answerer,
            settler=self.settler,
            holdings=self.holdings,
            transition=self.transition,  # type: ignore[arg-type]  # a fake
            draining=self.draining,
            clock=lambda: self.now,
            **fakes,
        )


def work(kind: Kind) -> Due:
    return due_job(id=kind.value, kind=kind)


def test_a_pull_tells_its_progress_and_ends_with_its_status() -> None:
    bench = NodeBench(work(Kind.PULL))
    line = {"status": "pulling x", "completed": 1, "total": 9}
    bench.reads = [[line], [line | {"completed": 2}], [{"status": "success"}]]
    bench.reconciler.look()

    end = bench.finish.ends["pull"]
    assert orjson.loads(end.result or "") == {"status": "success"}
    assert [orjson.loads(p)["status"] for p in bench.transition.progress] == [
        "pulling x",
        "success",
    ]
    assert bench.models.seen == ["refreshed"]
    assert bench.holdings.jobs() == []


def test_progress_is_told_again_after_a_while() -> None:
    bench = NodeBench(work(Kind.PULL))
    line = {"status": "pulling x", "completed": 1, "total": 9}

    class Slow(list[Any]):
        def __iter__(self) -> Iterator[Any]:
            for read in super().__iter__():
                bench.now += 1
                yield read

    bench.reads = Slow([[line], [line], [{"status": "success"}]])
    bench.reconciler.look()

    assert len(bench.transition.progress) == 3


def test_progress_that_cannot_be_written_does_not_end_the_download() -> None:
    bench = NodeBench(work(Kind.PULL))
    bench.transition.progress_away = True
    bench.reconciler.look()

    assert bench.finish.ends["pull"].state is State.SUCCEEDED


def test_loads_and_unloads_are_work_like_pulls() -> None:
    bench = NodeBench(work(Kind.LOAD), work(Kind.UNLOAD))
    bench.models.loaded = False
    bench.reconciler.look()

    assert len(bench.ollama.loads) == 1
    assert len(bench.unloaded) == 1
    assert {end.state for end in bench.finish.ends.values()} == {State.SUCCEEDED}
    assert any(seen.startswith("failing") for seen in bench.models.seen)


def test_what_a_work_changed_is_known_before_its_end_is_told() -> None:
    bench = NodeBench(work(Kind.COPY))
    known: list[int] = []
    bench.models.refresh = lambda: known.append(len(bench.finish.ends))  # type: ignore[method-assign]  # to see when
    bench.claim.due = [
        due_job(id="copy", kind=Kind.COPY, request=b'{"destination":"two:latest"}')
    ]
    bench.reconciler.look()

    assert bench.copied == [(MODEL, "two:latest")]
    assert known == [0]
    assert bench.finish.ends["copy"].state is State.SUCCEEDED


def test_a_model_is_deleted() -> None:
    bench = NodeBench(work(Kind.DELETE))
    bench.reconciler.look()

    assert bench.deleted == [MODEL]
    assert orjson.loads(bench.finish.ends["delete"].result or "") == {
        "status": "deleted"
    }


def test_a_model_that_is_gone_is_deleted() -> None:
    bench = NodeBench(work(Kind.DELETE))

    def delete(model: str) -> None:
        raise ModelMissingError

    ollama: Any = bench.ollama
    ollama.delete = delete
    bench.reconciler.look()

    assert bench.finish.ends["delete"].state is State.SUCCEEDED


def test_a_pull_that_fails_ends_in_a_state() -> None:
    bench = NodeBench(work(Kind.PULL))
    bench.reads = [ModelMissingError()]
    bench.reconciler.look()

    assert bench.finish.ends["pull"].state is State.FAILED


def test_a_pull_that_is_cut_off_by_the_drain_goes_back() -> None:
    bench = NodeBench(work(Kind.PULL), work(Kind.LOAD))
    bench.reads = [ExchangeAbortedError(AbortReason.DRAIN)]
    bench.draining.set()
    bench.reconciler.look()

    assert [back.id for back in bench.transition.handbacks] == ["pull"]
    assert len(bench.claim.due) == 1


def test_an_outage_is_looked_past() -> None:
    bench = NodeBench(work(Kind.LOAD))
    bench.claim.outages = [True, False, True]
    bench.reconciler.look()

    assert bench.finish.ends == {}


def test_rule_25_it_is_alive_while_it_works_and_silent_when_it_does_not_look() -> None:
    bench = NodeBench(work(Kind.UNLOAD))
    seen: list[float] = []

    def unload(model: str) -> None:
        bench.now += 500
        seen.append(bench.reconciler.last_seen())

    ollama: Any = bench.ollama
    ollama.unload = unload
    assert bench.reconciler.last_seen() == 100.0
    bench.reconciler.look()
    bench.now += 300

    assert seen == [600.0]
    assert bench.reconciler.last_seen() == 600.0
    bench.draining.set()
    assert bench.reconciler.last_seen() == 900.0


def test_it_looks_until_the_drain_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.reconciler._LOOK_SECONDS", 0.001)
    bench = NodeBench(work(Kind.LOAD))
    thread = threading.Thread(target=bench.reconciler.run)
    thread.start()
    while not bench.finish.ends:
        pass
    bench.draining.set()
    thread.join(10)

    assert not thread.is_alive()
