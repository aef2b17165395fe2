"""Find the model that serves instead of another one. Pure.

`FALLBACK_MODELS` (`backend.core.fallbacks` reads it) lists for each model the ones to
ask instead, the best first. A chain is not followed further: what stands in for a
stand-in is not what its caller was promised. No turn asks this yet.
"""

from collections.abc import Collection, Mapping

Chains = Mapping[str, tuple[str, ...]]


def chain(model: str, tried: Collection[str], chains: Chains) -> str | None:
    """Give the next model to ask instead of this one; None if there is none left.

    Args:
        model: The one that the caller asked for.
        tried: Those that failed already.
        chains: What `fallbacks.parse` gave.
    """
    return next((name for name in chains.get(model, ()) if name not in tried), None)
