"""Chats and embeddings, and how the simulator is to answer them."""

from typing import Any

from backend.core.jobs.states import Kind
from tests.factories import EMBED_MODEL


def chat(text: str = "Hello", **options: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], "options": options}


SLOW = chat(sim_tokens=10_000, sim_tokens_per_second=20)


def embed(*texts: str, **over: Any) -> dict[str, Any]:
    """Give what a job that embeds the texts is submitted with."""
    return {
        "kind": Kind.EMBED,
        "model": EMBED_MODEL,
        "request": {"input": list(texts), **over},
    }
