"""What Ollama is asked: the caller's request under the platform's policy (pure).

The platform owns `keep_alive` and everything that decides how a model is loaded, since
a changed `num_ctx` reloads it; and it always bounds the tokens, since without a bound a
model may run on to ten contexts. A prompt is answered whole or not at all: by itself
Ollama cuts one that is longer than the context, and says nothing of it.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from backend.core.jobs.states import Kind

PATHS = {Kind.CHAT: "/api/chat", Kind.GENERATE: "/api/generate"}
# A generation that fills the context ends there; else it would go on without the
# prompt's beginning. A change loads the model anew, so whatever runs or loads one says
# the same.
SHIFT = False
_OWN_OPTIONS = frozenset({"num_ctx", "num_predict"})
# What an attempt's row keeps of its options. It outlives the payload, so it has numbers
# only: `stop` and names that Ollama does not know are the caller's own words.
_RECORDED = (
    "num_ctx",
    "num_predict",
    "num_keep",
    "seed",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "tfs_z",
    "repeat_last_n",
    "repeat_penalty",
    "presence_penalty",
    "frequency_penalty",
    "penalize_newline",
    "mirostat",
    "mirostat_tau",
    "mirostat_eta",
)


@dataclass(frozen=True, slots=True)
class ModelPolicy:
    """How the platform runs a model; keep-alive in seconds, -1 for ever."""

    keep_alive_seconds: int
    num_ctx: int | None
    max_tokens: int
    embeds: bool = False

    @property
    def load_options(self) -> dict[str, Any]:
        """Give the options that decide how the model is loaded."""
        return {} if self.num_ctx is None else {"num_ctx": self.num_ctx}


def generation_body(
    model: str, request: dict[str, Any], policy: ModelPolicy
) -> dict[str, Any]:
    """Write the body of a chat or generate call."""
    return {
        **request,
        "model": model,
        "stream": True,
        "truncate": False,
        "shift": SHIFT,
        "keep_alive": policy.keep_alive_seconds,
        "options": _options(request, policy),
    }


def embed_body(
    model: str, inputs: list[str], request: dict[str, Any], policy: ModelPolicy
) -> dict[str, Any]:
    """Write the body of an embedding call, of one job or of several."""
    terms = embed_terms(request)
    return {
        **terms,
        "shift": SHIFT,
        "model": model,
        "input": inputs,
        "keep_alive": policy.keep_alive_seconds,
        "options": terms["options"] | policy.load_options,
    }


def embed_terms(request: dict[str, Any]) -> dict[str, Any]:
    """Give how texts shall be embedded, be it said or left to the default."""
    options = request.get("options") or {}
    terms = {
        # Ollama's own default is to cut; that is the caller's to ask for.
        "truncate": request.get("truncate") is True,
        "options": {name: v for name, v in options.items() if v is not None},
    }
    dimensions = request.get("dimensions")
    return terms if dimensions is None else terms | {"dimensions": dimensions}


def _options(request: dict[str, Any], policy: ModelPolicy) -> dict[str, Any]:
    given = request.get("options") or {}
    asked = given.get("num_predict")
    # 0, -1 and -2 are Ollama's ways to say "no bound".
    bound = asked if isinstance(asked, int) and asked > 0 else policy.max_tokens
    kept = {name: value for name, value in given.items() if name not in _OWN_OPTIONS}
    return kept | policy.load_options | {"num_predict": bound}


def recorded_options(body: dict[str, Any]) -> str:
    """Write the options of a body for the row of its attempt."""
    options = body["options"]
    kept = {name: options[name] for name in _RECORDED if name in options}
    return orjson.dumps(kept).decode()


def inputs_of(request: dict[str, Any]) -> list[str]:
    """Give an embedding request's texts as a list."""
    texts = request["input"]
    return [texts] if isinstance(texts, str) else list(texts)
