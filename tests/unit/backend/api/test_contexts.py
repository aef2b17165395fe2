"""Prompts that cannot fit are refused; those that might are not."""

from datetime import UTC, datetime
from typing import Any

import pytest

from backend.api.contexts import Contexts, least_tokens
from backend.core.catalogue import KnownModel
from backend.core.cluster import LoadedState, Snapshot
from backend.core.errors import ContextLengthExceededError
from backend.core.jobs.states import Kind

MODEL = "tiny-chat:latest"


def snapshot(context: int | None, **over: Any) -> Snapshot:
    loaded = [LoadedState(MODEL, 1, 0, context, None)] if context else []
    values: dict[str, Any] = {
        "node": "local",
        "incarnation": "one",
        "worker": "w",
        "published_at": 0.0,
        "ollama_version": None,
        "ollama_ok": True,
        "memory_total": 1,
        "memory_available": 1,
        "concurrency": 1,
        "running": 0,
        "version": "1",
        "on_disk": [MODEL],
        "loaded": loaded,
    }
    return Snapshot(**(values | over))


class Seen:
    def __init__(self, *snapshots: Snapshot) -> None:
        self.snapshots = list(snapshots)
        self.asked = 0

    def get(self) -> list[Snapshot]:
        self.asked += 1
        return self.snapshots


def contexts(*snapshots: Snapshot, set_length: int = 0) -> Contexts:
    seen: Any = Seen(*snapshots)
    return Contexts(seen, set_length=set_length)


def model(context: int | None) -> KnownModel:
    return KnownModel(
        name=MODEL,
        allowed=True,
        preload=False,
        capabilities=None,
        context_length=context,
        keep_alive_seconds=None,
        slots=None,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def said(text: str, role: str = "user") -> dict[str, Any]:
    return {"messages": [{"role": role, "content": text}]}


def fits(
    contexts: Contexts,
    known: KnownModel,
    tokens: int,
    *,
    kind: Kind = Kind.CHAT,
    request: dict[str, Any] | None = None,
) -> bool:
    """Tell whether a prompt of at least so many tokens is let through."""
    text = "x" * 128 * tokens
    request = request or said(text)
    try:
        contexts.check(known, kind, request, len(text))
    except ContextLengthExceededError:
        return False
    return True


@pytest.mark.parametrize(
    ("own", "set_length", "snapshots", "longest"),
    [
        (8_192, 0, (), 8_192),
        (8_192, 2_048, (), 2_048),
        (2_048, 8_192, (), 2_048),
        (None, 2_048, (), 2_048),
        (8_192, 0, (snapshot(1_024),), 1_024),
        (None, 0, (snapshot(1_024),), 1_024),
        (8_192, 0, (snapshot(1_024), snapshot(4_096, node="far")), 4_096),
        # A node that has not loaded it may do so with another context.
        (8_192, 0, (snapshot(1_024), snapshot(None, node="far")), 8_192),
        # One that does not have it says nothing.
        (8_192, 0, (snapshot(1_024), snapshot(None, on_disk=[])), 1_024),
        (8_192, 2_048, (snapshot(1_024),), 2_048),
    ],
)
def test_a_prompt_is_held_against_the_longest_context_it_may_get(
    own: int | None, set_length: int, snapshots: tuple[Snapshot, ...], longest: int
) -> None:
    looked = contexts(*snapshots, set_length=set_length)

    assert fits(looked, model(own), longest)
    assert not fits(looked, model(own), longest + 1)


def test_nothing_is_refused_where_no_context_is_known() -> None:
    assert fits(contexts(), model(None), 100_000)


def test_a_refusal_names_the_field_the_tokens_and_the_limit() -> None:
    text = "x" * 128 * 1_025

    with pytest.raises(ContextLengthExceededError) as caught:
        contexts().check(model(1_024), Kind.GENERATE, {"prompt": text}, len(text))

    (error,) = caught.value.errors
    assert error.field == "request.prompt"
    assert "at least 1025 tokens; the context of tiny-chat:latest has 1024" in (
        error.message
    )


@pytest.mark.parametrize(
    ("kind", "request_"),
    [
        (Kind.CHAT, said("x" * 200_000, role="assistant")),
        (Kind.CHAT, said("x" * 200_000, role="system")),
        (Kind.CHAT, said("x \n" * 60_000)),
        (Kind.GENERATE, {"prompt": "x", "system": "x" * 200_000}),
        (Kind.EMBED, {"input": "x" * 200_000}),
    ],
)
def test_what_a_template_or_a_tokenizer_may_drop_does_not_count(
    kind: Kind, request_: dict[str, Any]
) -> None:
    assert fits(contexts(), model(512), 1_500, kind=kind, request=request_)


def test_a_short_prompt_asks_nobody() -> None:
    seen: Any = Seen(snapshot(16))

    assert fits(Contexts(seen, set_length=0), model(None), 512)
    assert seen.asked == 0


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("x", 1), (" x" * 128, 1), ("x" * 129, 2)]
)
def test_a_token_is_128_characters_at_most(text: str, tokens: int) -> None:
    assert least_tokens(Kind.CHAT, said(text)) == tokens
    assert least_tokens(Kind.GENERATE, {"prompt": text}) == tokens
