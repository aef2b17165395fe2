"""Embedding jobs, several in one call; each keeps its own lease, attempt and end.

Ollama answers a joined call with one list of vectors and one token count. A caller's
mistake in a joined call is repeated one by one, so that one bad input does not fail its
neighbours; only when all are cancelled is the socket shut (JOBS.md 12).
"""

import itertools
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import orjson
import structlog

from backend.core.errors import DatabaseUnavailableError
from backend.core.jobs.records import Claimed
from backend.core.names import generation_lane
from worker.generation.answer import Answerer, headers_of
from worker.generation.body import embed_body, inputs_of, recorded_options
from worker.generation.joining import joinable, shares
from worker.generation.ledger import Ledger
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

log = structlog.get_logger()


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
            others = [one for one in self._left if one is not holding]
            last = not others and holding in self._left
        if last:
            # Its end, and that of the call, is the caller's.
            self.switch.abort(reason)
        elif others and self.take(holding):
            # Whoever cuts off (the heartbeat) has no time to wait for a COMMIT.
            threading.Thread(
                target=self._end, args=(holding, reason), daemon=True, name="cut-off"
            ).start()


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
        # Held before more are claimed: its lease is renewed whatever comes of that.
        holdings = [self._answerer.begin(job)]
        try:
            holdings += map(self._answerer.begin, self._claim_more(job))
            return self._settle(holdings)
        finally:
            for holding in holdings:
                self._holdings.release(holding)

    def _claim_more(self, job: Claimed) -> list[Claimed]:
        room = self._batch_size - 1
        if not room:
            return []
        try:
            due = self._ledger.look(generation_lane(job.model), 2 * room)
            chosen = joinable(orjson.loads(job.request), due, room=room)
            return self._ledger.claim_more(chosen)
        except DatabaseUnavailableError as error:
            log.warning("embeds_not_joined", job_id=job.id, error=error.detail)
            return []

    def _settle(self, holdings: list[Holding]) -> bool:
        call = JoinedCall(holdings, self._end_cut_off)
        try:
            answer = self._ask(holdings, call.switch)
        except ExchangeAbortedError as error:
            for holding in filter(call.take, holdings):
                self._end_cut_off(holding, holding.switch.reason or error.reason)
            return True
        except OllamaError as error:
            return self._failed(list(filter(call.take, holdings)), error)
        self._share_out(holdings, answer, call)
        return True

    def _failed(self, left: list[Holding], error: OllamaError) -> bool:
        """End or give back what failed; what may succeed without the others goes on."""
        late = [holding for holding in left if holding.seconds_left <= 0]
        if len(left) > 1 and isinstance(error, CallerMistakeError):
            answered = [self._settle([holding]) for holding in left]
            return all(answered)
        if late and len(late) < len(left):
            # The nearest deadline ended the call: it was not that of the others.
            self._fail(late, error)
            return self._settle([one for one in left if one not in late])
        self._fail(left, error)
        return not error.counts_for_breaker

    def _fail(self, holdings: list[Holding], error: OllamaError) -> None:
        for holding in holdings:
            with bound_to(holding.job):
                self._settler.failed(holding, error)

    def _ask(self, holdings: list[Holding], switch: AbortSwitch) -> dict[str, Any]:
        # The call carries the ids of one job; each job's end carries its own.
        first = min(holdings, key=lambda holding: holding.seconds_left)
        with bound_to(first.job):
            return self._ask_as(first, holdings, switch)

    def _ask_as(
        self, first: Holding, holdings: list[Holding], switch: AbortSwitch
    ) -> dict[str, Any]:
        self._answerer.load(first, switch)
        requests = [orjson.loads(holding.job.request) for holding in holdings]
        texts = [text for request in requests for text in inputs_of(request)]
        model = first.job.model
        body = embed_body(model, texts, requests[0], self._models.policy(model))
        for holding in holdings:
            holding.options = recorded_options(body)
        answer = self._client.embed(
            body,
            self._answerer.deadlines(first, tools=False),
            headers=headers_of(first.job),
            switch=switch,
        )
        if len(answer.get("embeddings", ())) != len(texts):
            raise MalformedAnswerError("There is not one embedding for each input.")
        return answer

    def _share_out(
        self, holdings: list[Holding], answer: dict[str, Any], call: JoinedCall
    ) -> None:
        inputs = [inputs_of(orjson.loads(h.job.request)) for h in holdings]
        lengths = [sum(map(len, texts)) for texts in inputs]
        tokens = shares(answer.get("prompt_eval_count") or 0, lengths)
        vectors = iter(answer["embeddings"])
        durations = durations_of(answer)
        answered = []
        for holding, texts, count in zip(holdings, inputs, tokens, strict=True):
            mine = list(itertools.islice(vectors, len(texts)))
            if call.take(holding):
                reply = Reply({"embeddings": mine}, None, count, None, durations)
                answered.append((holding, reply))
        if answered:
            self._settler.all_succeeded(answered)

    def _end_cut_off(self, holding: Holding, reason: str) -> None:
        with bound_to(holding.job):
            self._settler.aborted(holding, ExchangeAbortedError(reason))
