"""What is kept of all that Ollama says of a model, for those who ask the API (pure)."""

import orjson

from worker.ollama.wire import Line

# Licences and templates have some tens of KB; nobody's row may have megabytes.
_MOST_BYTES = 256 * 1024
# Hundreds of lines of no use to a caller.
_NEVER = ("tensors",)
# What is left out of a description that is too long, in this order.
_DISPENSABLE = ("modelfile", "license", "messages", "model_info", "template", "system")


def description(shown: Line) -> str:
    """Write what `/api/show` answered as JSON of a bounded length, in its order."""
    kept = {name: value for name, value in shown.items() if name not in _NEVER}
    for name in _DISPENSABLE:
        written = orjson.dumps(kept)
        if len(written) <= _MOST_BYTES:
            return written.decode()
        kept.pop(name, None)
    known = ("parameters", "details", "capabilities", "modified_at")
    return orjson.dumps({n: v for n, v in kept.items() if n in known}).decode()
