"""Refuse, before it waits in a queue, a prompt that cannot fit the model's context.

Only what cannot fit is refused here: nobody but the model's own tokenizer knows how
many tokens a text is, and the worker lets Ollama refuse the rest (`truncate: false`).
Embeddings are left to it altogether, since a tokenizer of words (BERT's) makes one
token of any word that it does not know, however long.
"""

from collections.abc import Iterator

from backend.api.prompt_texts import Request
from backend.core.catalogue import KnownModel
from backend.core.errors import ContextLengthExceededError, FieldError
from backend.core.jobs.states import Kind
from backend.core.recent_snapshots import RecentSnapshots

# The longest tokens of the vocabularies in use: 128 equal characters in a row (Llama 3,
# Qwen, GPT-4o). Prose has 3 to 5.
_LONGEST_TOKEN = 128
# No context in use is shorter (BERT's), so nobody need be asked about shorter prompts.
_SHORTEST_CONTEXT = 512


class Contexts:
    """Knows how long a context the platform runs each model with."""

    def __init__(self, recent: RecentSnapshots, *, set_length: int) -> None:
        """Keep what the nodes said; `set_length` is the operator's, 0 if none."""
        self._recent = recent
        self._set_length = set_length

    def check(
        self, model: KnownModel, kind: Kind, request: Request, characters: int
    ) -> None:
        """Refuse a prompt of so many characters in all if it cannot fit.

        Raises:
            ContextLengthExceededError: With the field, its least tokens and the limit.
        """
        if characters <= _SHORTEST_CONTEXT * _LONGEST_TOKEN:
            return
        context = self._longest(model)
        if context is None or characters <= context * _LONGEST_TOKEN:
            return
        tokens = least_tokens(kind, request)
        if tokens > context:
            raise _too_long(model, kind, tokens, context)

    def _longest(self, model: KnownModel) -> int | None:
        """Give the longest context that the model may run with, if that is known."""
        bounds = (self._set_length, model.context_length)
        longest = min((bound for bound in bounds if bound), default=None)
        return longest if self._set_length else self._loaded(model.name) or longest

    def _loaded(self, name: str) -> int | None:
        """Give the longest context that it has in memory.

        None as soon as a node may still load it with another one.
        """
        lengths = [
            next((m.context_length for m in node.loaded if m.name == name), None)
            for node in self._recent.get()
            if name in node.on_disk
        ]
        known = [length for length in lengths if length]
        return max(known) if known and len(known) == len(lengths) else None


def least_tokens(kind: Kind, request: Request) -> int:
    """Count the tokens that a prompt has at least.

    Only what every template shows of a request counts, and no white space, since some
    tokenizers join it.
    """
    words = (word for text in _always_read(kind, request) for word in text.split())
    return -(-sum(map(len, words)) // _LONGEST_TOKEN)


def _always_read(kind: Kind, request: Request) -> Iterator[str]:
    # Templates may leave out a system text, tools, and what the assistant thought.
    if kind is Kind.GENERATE:
        yield request["prompt"]
    elif kind is Kind.CHAT:
        for message in request["messages"]:
            if message["role"] == "user":
                yield message.get("content") or ""


def _too_long(
    model: KnownModel, kind: Kind, tokens: int, context: int
) -> ContextLengthExceededError:
    field = "request.prompt" if kind is Kind.GENERATE else "request.messages"
    message = (
        f"has at least {tokens} tokens; the context of {model.name} has {context}:"
        " send a shorter prompt, or use a model with a longer context"
    )
    return ContextLengthExceededError(
        f"{field}: {message}.", errors=(FieldError(field, message),)
    )
