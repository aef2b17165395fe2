"""What a model answers: a sequence of tokens that follows from the request."""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import chain
from typing import Any

from ollama_sim import prose
from ollama_sim.go_json import dumps
from ollama_sim.model import Model
from ollama_sim.runner import Needs
from ollama_sim.schema_text import valid_text
from ollama_sim.tool_calls import CALL_TOKENS, tool_call

# Without a limit of its own a model goes on for ten contexts.
CONTEXTS_WITHOUT_LIMIT = 10


class Kind(Enum):
    """What a token is part of."""

    CONTENT = "content"
    THINKING = "thinking"
    TOOL_CALL = "tool_call"
    # Generated and counted, but never sent: markup, held back for a stop sequence.
    SILENT = "silent"


# Any: a tool call is JSON, all others are text.
Token = tuple[Kind, Any]
_TAG: Token = (Kind.SILENT, "")
_THOUGHTS = ("Let", " me", " think", " about", " it")


@dataclass(frozen=True, slots=True)
class Ask:
    """The part of a request that decides its answer.

    Attributes:
        prompt: What was asked last; with the seed it decides the words.
        text: All that the model reads, for counting.
        answers_tool: Whether the last message is a tool's result.
    """

    prompt: str
    text: str
    options: Mapping[str, Any] = field(default_factory=dict)
    output_format: Any = None
    tools: list[dict[str, Any]] = field(default_factory=list)
    think: bool = False
    answers_tool: bool = False


class Answer:
    """The tokens of an answer; afterwards how many there were and why it ended."""

    __slots__ = ("count", "done_reason", "prompt_tokens", "tokens")

    def __init__(
        self, ask: Ask, model: Model, needs: Needs, prompt_tokens: int
    ) -> None:
        self.count = 0
        self.done_reason = "stop"
        self.prompt_tokens = prompt_tokens
        limit = ask.options.get("num_predict") or 0
        limit = limit if limit > 0 else CONTEXTS_WITHOUT_LIMIT * needs.num_ctx
        if not needs.shift:
            limit = min(limit, max(1, needs.num_ctx - prompt_tokens))
        tokens: Iterator[Token] = self._limited(_tokens_of(ask, model), limit)
        stops = [stop for stop in ask.options.get("stop") or () if stop]
        self.tokens = self._until(tokens, stops) if stops else tokens

    def _limited(self, tokens: Iterable[Token], limit: int) -> Iterator[Token]:
        for token in tokens:
            self.count += 1
            yield token
            if self.count >= limit:
                self.done_reason = "length"
                return

    def _until(self, tokens: Iterable[Token], stops: list[str]) -> Iterator[Token]:
        """End at a stop sequence; what may be the start of one is held back."""
        held = ""
        for kind, text in tokens:
            if kind is not Kind.CONTENT:
                yield kind, text
                continue
            held += text
            cut = min((held.find(s) for s in stops if s in held), default=-1)
            if cut >= 0:
                self.done_reason = "stop"
                yield Kind.CONTENT, held[:cut]
                return
            if any(_may_start(held, stop) for stop in stops):
                yield _TAG
            else:
                yield Kind.CONTENT, held
                held = ""
        if held:
            yield Kind.CONTENT, held


def _may_start(text: str, stop: str) -> bool:
    return any(text.endswith(stop[:size]) for size in range(1, len(stop)))


def number_of(ask: Ask) -> int:
    """Return the number that stands for prompt and seed."""
    seed = ask.options.get("seed") or 0
    return zlib.crc32(ask.prompt.encode(), int(seed) & 0xFFFFFFFF)


def _tokens_of(ask: Ask, model: Model) -> Iterator[Token]:
    number = number_of(ask)
    if ask.tools and not ask.answers_tool:
        answer = _call(ask, number)
    else:
        answer = ((Kind.CONTENT, text) for text in _content(ask, model, number))
    return chain(_thinking(), answer) if ask.think else answer


def _thinking() -> Iterator[Token]:
    yield _TAG
    for text in _THOUGHTS:
        yield Kind.THINKING, text
    yield _TAG


def _call(ask: Ask, number: int) -> Iterator[Token]:
    for _ in range(CALL_TOKENS - 1):
        yield _TAG
    yield Kind.TOOL_CALL, tool_call(ask.tools, ask.prompt, number)


def _content(ask: Ask, model: Model, number: int) -> Iterator[str]:
    if ask.output_format == "json":
        return iter(('{"', "answer", '": "', *prose.exactly(number, 5), '"}'))
    if ask.output_format:
        return iter(valid_text(dumps(ask.output_format)))
    wanted = ask.options.get("sim_tokens")
    if wanted is not None:
        return prose.exactly(number, int(wanted))
    if model.runs_on and ask.options.get("temperature") == 0:
        return prose.endless(number)
    return prose.text(number)
