"""A completion as OpenAI tells it: whole, or chunk by chunk (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from backend.api.calls.ids import answer_id, made_at
from backend.api.calls.relay import Delta, Ended
from backend.api.openai import errors
from backend.api.openai.chat_answer import finish_reason, usage
from backend.api.openai.chat_chunks import event
from backend.core.errors import AppError
from backend.core.jobs.records import JobRecord

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class WantedText:
    """What of a request decides how its answer is told.

    Args:
        model: As the caller spelled it.
        echoed: What comes before each answer's own text, one for each.
        logprobs: How many likely tokens are wanted; None: not even those of the answer.
        usage: Whether a stream ends with the counts of tokens.
    """

    model: str
    echoed: Sequence[str]
    logprobs: int | None = None
    usage: bool = False


def completion(rows: Sequence[JobRecord], wanted: WantedText) -> Json:
    """Write the whole answer, one choice for each job."""
    first = rows[0]
    choices = [_whole(index, row, wanted) for index, row in enumerate(rows)]
    counts = usage(
        sum(row.prompt_tokens or 0 for row in rows),
        sum(row.completion_tokens or 0 for row in rows),
        thought=any(row.result.get("thinking") for row in rows),
    )
    return _head(first.id, wanted) | {"choices": choices, "usage": counts}


def _whole(index: int, row: JobRecord, wanted: WantedText) -> Json:
    said, known = row.result["text"], row.result.get("logprobs")
    return _choice(
        index,
        wanted.echoed[index] + said,
        logprobs(known, wanted.logprobs, offset=0),
        finish_reason(row.done_reason, called=False),
    )


def _head(job_id: str, wanted: WantedText) -> Json:
    return {
        "id": answer_id("cmpl-", job_id),
        "object": "text_completion",
        "created": made_at(job_id),
        "model": wanted.model,
        "system_fingerprint": None,
    }


def _choice(index: int, text: str, known: Json | None, reason: str | None) -> Json:
    return {"text": text, "index": index, "logprobs": known, "finish_reason": reason}


def logprobs(
    known: Sequence[Json] | None, likeliest: int | None, *, offset: int
) -> Json | None:
    """Write how likely the tokens were, from a place in the text on."""
    if likeliest is None or not known:
        return None
    tokens = [one["token"] for one in known]
    places = accumulate(map(len, tokens), initial=offset)
    tops = [
        {top["token"]: top["logprob"] for top in one.get("top_logprobs", ())}
        for one in known
    ]
    return {
        "tokens": tokens,
        "token_logprobs": [one["logprob"] for one in known],
        "top_logprobs": tops if likeliest else None,
        "text_offset": list(places)[: len(tokens)],
    }


class TextChunks:
    """Writes a stream: texts, finish reasons, usage if asked, `[DONE]`."""

    content_type = "text/event-stream"

    def __init__(self, job_id: str, wanted: WantedText) -> None:
        """Take what all chunks have alike."""
        self._wanted = wanted
        self._head = _head(job_id, wanted)
        self._echoed = list(wanted.echoed)
        self._lengths = [0] * len(self._echoed)
        self._prompt = self._completion = 0
        self._thought = False

    def begin(self) -> bytes:
        """Write nothing: the first text is the beginning."""
        return b""

    def delta(self, index: int, delta: Delta) -> bytes:
        """Write what the model said; its thoughts have no place here."""
        self._thought = self._thought or bool(delta.thinking)
        known = delta.logprobs if self._wanted.logprobs is not None else ()
        if not delta.text and not known:
            return b""
        return self._text(index, delta.text, logprobs_of=known)

    def waiting(self, what: str) -> bytes:
        """Write a comment, which clients pass over."""
        return f": {what}\n\n".encode()

    def ended(self, index: int, end: Ended) -> bytes:
        """Write why an answer is complete."""
        self._prompt += end.prompt_tokens
        self._completion += end.completion_tokens
        return self._text(index, "", finish_reason(end.done_reason, called=False))

    def finish(self) -> bytes:
        """Write the usage, and that all is said."""
        told = b""
        if self._wanted.usage:
            counts = usage(self._prompt, self._completion, thought=self._thought)
            told = event(self._head | {"choices": [], "usage": counts})
        return told + b"data: [DONE]\n\n"

    def failed(self, error: AppError) -> bytes:
        """Write an error: a bare end would look like a complete answer."""
        return event(errors.body(error))

    def _text(
        self,
        index: int,
        said: str,
        reason: str | None = None,
        *,
        logprobs_of: Sequence[Json] = (),
    ) -> bytes:
        known = logprobs(
            logprobs_of, self._wanted.logprobs, offset=self._lengths[index]
        )
        self._lengths[index] += sum(len(one["token"]) for one in logprobs_of)
        text, self._echoed[index] = self._echoed[index] + said, ""
        chunk = self._head | {"choices": [_choice(index, text, known, reason)]}
        return event(chunk | {"usage": None} if self._wanted.usage else chunk)
