"""Embedding jobs, several in one call; each keeps its own lease, attempt and end.

Ollama answers a joined call with one list of vectors and one token count. A caller's
mistake in a joined call is repeated one by one, so that one bad input does not fail its
neighbours; only when all are cancelled is the socket shut (JOBS.md 12).
"""

from collections.abc import Sequence
from typing import Any

import orjson

from backend.core.jobs.records import Claimed
from backend.core.names import generation_lane
from worker.generation.answer import Answerer, headers_of
from worker.generation.body import embed_body, inputs_of
from worker.generation.joining import joinable, shares
from worker.generation.ledger import Ledger
from worker.generation.models import NodeModels
from worker.generation.reply import Reply, durations_of
from worker.generation.settle import Settler
from worker.holdings import Holding, Holdings
from worker.ollama.abort import AbortSwitch, ExchangeAbortedError
from worker.ollama.client import OllamaClient
from worker.ollama.errors import CallerMistakeError, OllamaError


class SharedSwitch:
    """Ends a joined call when each of its jobs was cut off."""

    def __init__(self, holdings: Sequence[Holding], switch: AbortSwitch) -> None:
        """Watch the jobs' own switches."""
        self._holdings = holdings
        self._switch = switch

    def check(self, _reason: str) -> None:
        """Shut the socket if nobody wants the answer any more."""
        reasons = [holding.switch.reason for holding in self._holdings]
        if all(reasons):
            self._switch.abort(reasons[-1] or "")


class Embedder:
    """Answers embedding jobs."""

    def __init__(
        self,
        *,
        answerer: Answerer,
        settler: Settler,
        client: OllamaClient,
        ledger: Ledger,
        holdings: Holdings,
        models: NodeModels,
        batch_size: int,
    ) -> None:
        """Keep the collaborators and the most jobs of one call."""
        self._answerer = answerer
        self._settler = settler
        self._client = client
        self._ledger = ledger
        self._holdings = holdings
        self._models = models
        self._batch_size = batch_size

    def answer(self, job: Claimed) -> bool:
        """Answer an embedding job and those that can be asked with it.

        Tells whether Ollama answered.
        """
        jobs = [job, *self._claim_more(job)]
        holdings = [self._answerer.begin(one) for one in jobs]
        try:
            return self._settle(holdings)
        finally:
            for holding in holdings:
                self._holdings.release(holding)

    def _claim_more(self, job: Claimed) -> list[Claimed]:
        room = self._batch_size - 1
        if not room:
            return []
        due = self._ledger.look(generation_lane(job.model), 2 * room)
        chosen = joinable(orjson.loads(job.request), due, room=room)
        return self._ledger.claim_more(chosen)

    def _settle(self, holdings: list[Holding]) -> bool:
        try:
            answer = self._ask(holdings)
        except ExchangeAbortedError as error:
            self._each_aborted(holdings, error)
            return True
        except CallerMistakeError as error:
            return self._one_by_one(holdings, error)
        except OllamaError as error:
            for holding in holdings:
                self._settler.failed(holding, error)
            return not error.counts_for_breaker
        self._share_out(holdings, answer)
        return True

    def _one_by_one(self, holdings: list[Holding], error: OllamaError) -> bool:
        if len(holdings) == 1:
            self._settler.failed(holdings[0], error)
            return True
        answered = [self._settle([holding]) for holding in holdings]
        return all(answered)

    def _ask(self, holdings: list[Holding]) -> dict[str, Any]:
        first = holdings[0]
        self._answerer.load(first)
        switch = self._watched(holdings)
        requests = [orjson.loads(holding.job.request) for holding in holdings]
        texts = [text for request in requests for text in inputs_of(request)]
        model = first.job.model
        return self._client.embed(
            embed_body(model, texts, requests[0], self._models.policy(model)),
            self._answerer.deadlines(first, tools=False),
            headers=headers_of(first.job),
            switch=switch,
        )

    @staticmethod
    def _watched(holdings: list[Holding]) -> AbortSwitch:
        if len(holdings) == 1:
            return holdings[0].switch
        switch = AbortSwitch()
        shared = SharedSwitch(holdings, switch)
        for holding in holdings:
            holding.switch.on_abort(shared.check)
        return switch

    def _share_out(self, holdings: list[Holding], answer: dict[str, Any]) -> None:
        inputs = [inputs_of(orjson.loads(h.job.request)) for h in holdings]
        lengths = [sum(map(len, texts)) for texts in inputs]
        tokens = shares(answer.get("prompt_eval_count") or 0, lengths)
        vectors = iter(answer["embeddings"])
        for holding, texts, count in zip(holdings, inputs, tokens, strict=True):
            mine = [vector for vector, _ in zip(vectors, texts, strict=False)]
            self._end_one(holding, mine, count, durations_of(answer))

    def _end_one(
        self,
        holding: Holding,
        vectors: list[Any],
        tokens: int,
        durations: dict[str, Any],
    ) -> None:
        reason = holding.switch.reason
        if reason is not None:
            self._settler.aborted(holding, ExchangeAbortedError(reason))
            return
        reply = Reply({"embeddings": vectors}, None, tokens, None, durations)
        self._settler.succeeded(holding, reply)

    def _each_aborted(
        self, holdings: list[Holding], error: ExchangeAbortedError
    ) -> None:
        for holding in holdings:
            reason = holding.switch.reason or error.reason
            self._settler.aborted(holding, ExchangeAbortedError(reason))
