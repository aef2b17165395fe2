"""Ollama's `options`: their types, and which of them make it load a model anew."""

from collections.abc import Mapping
from typing import Any

from ollama_sim.errors import ApiError
from ollama_sim.model import Model
from ollama_sim.runner import Needs

_INTEGERS = (
    "num_keep seed num_predict top_k repeat_last_n num_ctx num_batch num_gpu main_gpu "
    "num_thread"
)
_FLOATS = (
    "top_p min_p typical_p temperature repeat_penalty presence_penalty "
    "frequency_penalty"
)
_TYPES = (
    dict.fromkeys(_INTEGERS.split(), "integer")
    | dict.fromkeys(_FLOATS.split(), "float32")
    | {"use_mmap": "boolean", "stop": "array"}
)
_RELOADING = ("num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread")
_PYTHON: dict[str, tuple[type, ...]] = {
    "integer": (int, float),
    "float32": (int, float),
    "boolean": (bool,),
    "array": (list,),
}
_MIN_CONTEXT = 4


# Any: options have values of several types.
def check(options: Mapping[str, Any]) -> None:
    """Complain about a wrong type as Ollama does, by a 500; ignore unknown names."""
    for name, value in options.items():
        wanted = _TYPES.get(name)
        if wanted is None or value is None:
            continue
        if type(value) not in _PYTHON[wanted]:
            raise ApiError(500, f'option "{name}" must be of type {wanted}')
        if wanted == "array" and not all(isinstance(item, str) for item in value):
            raise ApiError(500, f'option "{name}" must be of an array of strings')


def needs(model: Model, body: Mapping[str, Any]) -> Needs:
    """Return what a request needs of a runner."""
    options, shift = body.get("options") or {}, body.get("shift") is not False
    if not options:
        return Needs(model.context, shift)
    wanted = options.get("num_ctx")
    num_ctx = model.context if wanted is None else int(wanted)
    num_ctx = max(_MIN_CONTEXT, min(num_ctx, model.trained_context))
    others = tuple((n, options[n]) for n in _RELOADING if options.get(n) is not None)
    return Needs(num_ctx, shift, others)
