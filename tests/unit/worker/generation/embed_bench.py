"""An embedder with fakes around it, for tests."""

import threading
from typing import Any

import orjson

from backend.core.jobs.records import Due
from backend.core.jobs.states import Kind, State
from tests.factories import EMBED_MODEL, due_job, settings_for
from tests.fakes.generation import (
    FakeBreaker,
    FakeClaim,
    FakeFinish,
    FakeFlusher,
    FakeModels,
    FakeOllama,
    FakeOutsider,
    FakeReservations,
    FakeTransition,
    claimed_of,
)
from worker.generation.answer import Answerer
from worker.generation.embed import Embedder
from worker.generation.gathering import Gatherer
from worker.generation.ledger import Ledger
from worker.generation.pace import Pace
from worker.generation.settle import Settler
from worker.holdings import Holdings
from worker.ollama.abort import AbortSwitch
from worker.ollama.deadlines import Deadlines


def answer_all(
    body: dict[str, Any], _limits: Deadlines, _switch: AbortSwitch
) -> dict[str, Any]:
    """Give each text its own vector, and one token count for all."""
    vectors = [[float(len(text)), float(ord(text[0]))] for text in body["input"]]
    return {"embeddings": vectors, "prompt_eval_count": 10, "total_duration": 5_000_000}


def job(*texts: str, **over: Any) -> Due:
    request = {"input": list(texts) if len(texts) != 1 else texts[0]}
    return due_job(
        kind=Kind.EMBED, model=EMBED_MODEL, request=orjson.dumps(request), **over
    )


class Bench:
    """An embedder among fakes."""

    def __init__(self) -> None:
        settings = settings_for()
        self.claim, self.finish = FakeClaim(), FakeFinish()
        self.flusher, self.transition = FakeFlusher(), FakeTransition()
        self.models, self.breaker = FakeModels(), FakeBreaker()
        self.holdings, self.ollama = Holdings(), FakeOllama(answer_all)
        self.pace = Pace()
        self.reservations: Any = FakeReservations()
        parts: Any = (self.claim, self.finish, self.flusher, self.reservations)
        self.ledger: Any = Ledger(*parts)
        shared: Any = {
            "settings": settings,
            "flusher": self.flusher,
            "holdings": self.holdings,
            "models": self.models,
        }
        self.settler = Settler(
            ledger=self.ledger,
            transition=self.transition,  # type: ignore[arg-type]  # a fake
            outsider=FakeOutsider(),  # type: ignore[arg-type]  # a fake
            reservations=self.reservations,
            breaker=self.breaker,  # type: ignore[arg-type]  # a fake
            pace=self.pace,
            **shared,
        )
        client: Any = self.ollama
        self.gatherer = Gatherer(
            self.ledger, batch_size=10, wait_ms=0, draining=threading.Event()
        )
        self.embedder = Embedder(
            answerer=Answerer(client=client, settler=self.settler, **shared),
            settler=self.settler,
            client=client,
            gatherer=self.gatherer,
            holdings=self.holdings,
            models=self.models,  # type: ignore[arg-type]  # a fake
        )

    def answer(self, *jobs: Due) -> bool:
        return self.embedder.answer([claimed_of(one) for one in jobs])

    def states(self, *jobs: Due) -> list[State | None]:
        ends = self.finish.ends
        return [ends[one.id].state if one.id in ends else None for one in jobs]

    def vectors(self, one: Due) -> Any:
        return orjson.loads(self.finish.ends[one.id].result or "null")["embeddings"]
