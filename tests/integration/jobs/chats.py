"""Chats, and how the simulator is to answer them."""

from typing import Any


def chat(text: str = "Hello", **options: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], "options": options}


SLOW = chat(sim_tokens=10_000, sim_tokens_per_second=20)
