"""Find the model that serves instead of another one. Pure.

`FALLBACK_MODELS` is `model=next,after that;other=its next`: for each model the ones to
ask instead, the best first. A chain is not followed further: what stands in for a
stand-in is not what its caller was promised.
"""

from collections.abc import Collection, Mapping

Chains = Mapping[str, tuple[str, ...]]


def parse(text: str) -> dict[str, tuple[str, ...]]:
    """Read `FALLBACK_MODELS`; the names stay as they are written.

    Raises:
        ValueError: With a sentence that says which part is wrong, and how.
    """
    chains: dict[str, tuple[str, ...]] = {}
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        model, models = _parse_chain(part)
        if model in chains:
            raise ValueError(f"{model!r} has two chains; write one: {model}=a,b")
        chains[model] = models
    return chains


def chain(model: str, tried: Collection[str], chains: Chains) -> str | None:
    """Give the next model to ask instead of this one; None if there is none left.

    Args:
        model: The one that the caller asked for.
        tried: Those that failed already.
        chains: What `parse` gave.
    """
    return next((name for name in chains.get(model, ()) if name not in tried), None)


def _parse_chain(part: str) -> tuple[str, tuple[str, ...]]:
    model, equals, rest = (piece.strip() for piece in part.partition("="))
    models = tuple(name.strip() for name in rest.split(","))
    if not equals or not model or not all(models):
        raise ValueError(f"{part!r} is not of the form model=next,after that")
    if model in models:
        raise ValueError(f"{model!r} cannot stand in for itself")
    return model, models
