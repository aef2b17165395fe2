"""Embedding jobs, several in one call; each keeps its own lease, attempt and end.

Ollama answers a joined call with one list of vectors and one token count. A caller's
mistake in a joined call is repeated one by one, so that one bad input does not fail its
neighbours; only when all are cancelled is the socket shut (JOBS.md 12).
"""

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from backend.core.jobs.records import Claimed
from worker.generation.answer import Answerer, headers_of
from worker.generation.body import embed_body, inputs_of, recorded_options
from worker.generation.gathering import Gatherer
from worker.generation.joining import shares
from worker.generation.models import NodeModels
from worker.generation.reply import Reply, durations_of
from worker.generation.settle import Settler
from worker.holdings import Holding, Holdings, bound_to
from worker.ollama.abort import AbortSwitch, ExchangeAbortedError
from worker.ollama.client import OllamaClient
from worker.ollama.errors import (
    CallerMistakeError,
    MalformedAnswerError,
    OllamaError,
)


class JoinedCall:
    """One call for several jobs: a cancelled one ends at once, the others go on.

    When each of its jobs was cut off, the call is.
    """

    def __init__(
        self, holdings: Sequence[Holding], end: Callable[[Holding, str], None]
    ) -> None:
        """Watch the jobs' own switches; `end` ends one of them."""
        self.switch = AbortSwitch()
        self._left = list(holdings)
        self._end = end
        self._lock = threading.Lock()
        for holding in holdings:
            holding.switch.on_abort(partial(self._cut, holding))

    def take(self, holding: Holding) -> bool:
        """Claim the right to end a job; false if somebody else has."""
        with self._lock:
            if holding not in self._left:
                return False
            self._left.remove(holding)
            return True

    def _cut(self, holding: Holding, reason: str) -> None:
        with self._lock:
            if holding not in self._left:
                return
            last = len(self._left) == 1
            if not last:
                self._left.remove(holding)
        if last:
            # Its end, and that of the call, is the caller's.
            self.switch.abort(reason)
            return
        # Whoever cuts off (the heartbeat) has no time to wait for a COMMIT.
        threading.Thread(
            target=self._end, args=(holding, reason), daemon=True, name="cut-off"
        ).start()


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One job's part of a call."""

    holding: Holding
    request: dict[str, Any]  # Ollama's: JSON
    texts: list[str]


class Embedder:
    """Answers embedding jobs."""

    def __init__(
        self,
        *,
        answerer: Answerer,
        settler: Settler,
        client: OllamaClient,
        gatherer: Gatherer,
        holdings: Holdings,
        models: NodeModels,
    ) -> None:
        """Keep the collaborators."""
        self._answerer = answerer
        self._settler = settler
        self._client = client
        self._gatherer = gatherer
        self._holdings = holdings
        self._models = models

    def answer(self, jobs: Sequence[Claimed]) -> bool:
        """Answer embedding jobs that can be asked together, in one call.

        Tells whether Ollama answered.
        """
        holdings: list[Holding] = []
        try:
            # Those before one that cannot be begun are let go of all the same.
            holdings += map(self._answerer.begin, jobs)
            return self._settle([_part(holding) for holding in holdings])
        finally:
            for holding in holdings:
                self._holdings.release(holding)

    def _settle(self, parts: list[Part]) -> bool:
        call = JoinedCall([part.holding for part in parts], self._end_cut_off)
        try:
            answer = self._ask(parts, call.switch)
        except ExchangeAbortedError as error:
            for part in _left(parts, call):
                reason = part.holding.switch.reason or error.reason
                self._end_cut_off(part.holding, reason)
            return True
        except OllamaError as error:
            return self._failed(_left(parts, call), error)
        self._share_out(parts, answer, call)
        return True

    def _failed(self, left: list[Part], error: OllamaError) -> bool:
        """End or give back what failed; what may succeed without the others goes on."""
        late = [part for part in left if part.holding.seconds_left <= 0]
        if len(left) > 1 and isinstance(error, CallerMistakeError):
            answered = [self._settle([part]) for part in left]
            return all(answered)
        if late and len(late) < len(left):
            # The nearest deadline ended the call: it was not that of the others.
            self._fail(late, error)
            return self._settle([part for part in left if part not in late])
        self._fail(left, error)
        return not error.counts_for_breaker

    def _fail(self, parts: list[Part], error: OllamaError) -> None:
        for part in parts:
            with bound_to(part.holding.job):
                self._settler.failed(part.holding, error)

    def _ask(self, parts: list[Part], switch: AbortSwitch) -> dict[str, Any]:
        # The call carries the ids of one job; each job's end carries its own.
        holdings = (part.holding for part in parts)
        first = min(holdings, key=lambda holding: holding.seconds_left)
        with bound_to(first.job):
            return self._ask_as(first, parts, switch)

    def _ask_as(
        self, first: Holding, parts: list[Part], switch: AbortSwitch
    ) -> dict[str, Any]:
        self._answerer.load(first, switch)
        texts = [text for part in parts for text in part.texts]
        model = first.job.model
        body = embed_body(model, texts, parts[0].request, self._models.policy(model))
        for part in parts:
            part.holding.options = recorded_options(body)
        began = time.monotonic()
        answer = self._client.embed(
            body,
            self._answerer.deadlines(first, tools=False),
            headers=headers_of(first.job),
            switch=switch,
        )
        seconds = time.monotonic() - began
        self._gatherer.called(model, jobs=len(parts), seconds=seconds)
        if len(answer.get("embeddings", ())) != len(texts):
            raise MalformedAnswerError("There is not one embedding for each input.")
        return answer

    def _share_out(
        self, parts: list[Part], answer: dict[str, Any], call: JoinedCall
    ) -> None:
        lengths = [sum(map(len, part.texts)) for part in parts]
        tokens = shares(answer.get("prompt_eval_count") or 0, lengths)
        vectors = iter(answer["embeddings"])
        durations = durations_of(answer)
        answered = []
        for part, count in zip(parts, tokens, strict=True):
            mine = list(itertools.islice(vectors, len(part.texts)))
            if call.take(part.holding):
                reply = Reply({"embeddings": mine}, None, count, None, durations)
                answered.append((part.holding, reply))
        # The last that is cancelled is never taken, so there is one at least.
        self._settler.all_succeeded(answered)

    def _end_cut_off(self, holding: Holding, reason: str) -> None:
        with bound_to(holding.job):
            self._settler.aborted(holding, ExchangeAbortedError(reason))


def _part(holding: Holding) -> Part:
    request = orjson.loads(holding.job.request)
    return Part(holding, request, inputs_of(request))


def _left(parts: list[Part], call: JoinedCall) -> list[Part]:
    return [part for part in parts if call.take(part.holding)]
