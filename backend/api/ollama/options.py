"""Which of Ollama's options are the caller's, and which are left out (pure)."""

from typing import Any

from backend.api.schemas.options import RELOADING

_BEYOND_INT64 = 2.0**63
IGNORED_HEADER = "X-Corral-Ignored-Options"


def split(
    options: dict[str, Any] | None,  # Ollama's: numbers, texts, lists of texts
) -> tuple[dict[str, Any], list[str]]:
    """Part the options that count from the names of those that do not.

    Left out are those that load the model anew, which the platform sets for each model,
    and the wish for an answer without end: the platform bounds each.
    """
    given = {name: _whole(v) for name, v in (options or {}).items() if v is not None}
    ignored = [name for name in given if name in RELOADING]
    if _is_endless(given.get("num_predict")):
        ignored.append("num_predict")
    return {n: v for n, v in given.items() if n not in ignored}, ignored


def _whole(value: Any) -> Any:  # an option
    # Go takes 100.0 for an integer, and so do all options that are none.
    is_whole = isinstance(value, float) and value.is_integer()
    return int(value) if is_whole and abs(value) < _BEYOND_INT64 else value


def _is_endless(tokens: Any) -> bool:  # an option
    return isinstance(tokens, int) and not isinstance(tokens, bool) and tokens <= 0
