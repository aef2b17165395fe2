"""Read `FALLBACK_MODELS`. Pure.

It is `model=next,after that;other=its next`: for each model the ones to ask instead,
the best first. The settings read it at the start, so that a typo is told then.
"""


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


def _parse_chain(part: str) -> tuple[str, tuple[str, ...]]:
    model, equals, rest = (piece.strip() for piece in part.partition("="))
    models = tuple(name.strip() for name in rest.split(","))
    if not equals or not model or not all(models):
        raise ValueError(f"{part!r} is not of the form model=next,after that")
    if model in models:
        raise ValueError(f"{model!r} cannot stand in for itself")
    return model, models
