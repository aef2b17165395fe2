"""A caller's load: a job like any other, that has nothing to say."""

import orjson

from backend.core.jobs.states import Kind, State
from tests.factories import claimed_job
from tests.unit.worker.generation.test_embed import Bench
from worker.ollama.errors import LoadTimeoutError


def answer(bench: Bench) -> bool:
    answerer = bench.embedder._answerer
    return answerer.answer(claimed_job(id="load", kind=Kind.LOAD))


def test_a_model_is_loaded_though_it_is_in_memory_and_others_know_before_the_end() -> (
    None
):
    bench = Bench()
    ends: list[int] = []
    bench.models.refresh = lambda: ends.append(len(bench.finish.ends))  # type: ignore[method-assign]  # to see when
    bench.models.loaded = False

    assert answer(bench)

    end = bench.finish.ends["load"]
    assert len(bench.ollama.loads) == 1
    assert ends == [0]
    assert (end.state, end.done_reason) == (State.SUCCEEDED, "load")
    assert orjson.loads(end.result or "") == {"status": "loaded"}
    assert bench.models.seen[0].startswith("failing")


def test_a_load_that_fails_is_tried_again() -> None:
    bench = Bench()
    bench.models.loaded = False

    def load(*_: object, **__: object) -> None:
        raise LoadTimeoutError

    bench.ollama.load = load  # type: ignore[method-assign]  # it fails

    assert not answer(bench)
    assert [back.id for back in bench.transition.handbacks] == ["load"]
    assert bench.breaker.told == []
