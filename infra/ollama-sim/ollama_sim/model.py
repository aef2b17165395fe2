"""The models: what each can do and how large it is."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

_TEMPLATE = (
    "{{- if .System }}<|system|>{{ .System }}<|end|>{{ end }}{{- range .Messages }}"
    '{{- if ne .Role "system" }}<|{{ .Role }}|>{{ .Content }}<|end|>{{ end }}'
    "{{- end }}<|assistant|>"
)
_MIB = 1 << 20
# Where a request and the model itself say nothing; Ollama's value below 24 GiB of VRAM.
DEFAULT_CONTEXT = 4096


@dataclass(frozen=True, kw_only=True)
class Model:
    """An installed model, or one that can be pulled."""

    name: str
    capabilities: tuple[str, ...] = ("completion",)
    family: str = "llama"
    parameter_count: int = 2_656_768
    parameter_size: str = "2.66M"
    quantization: str = "unknown"
    file_type: int = 0
    size: int = 10_635_162
    trained_context: int = 8192
    embedding_length: int = 512
    blocks: int = 2
    heads: int = 8
    feed_forward: int = 64
    vocabulary: int = 352
    # Any: options have values of several types.
    parameters: Mapping[str, Any] = field(default_factory=dict)
    template: str = _TEMPLATE
    system: str = ""
    parent: str = ""
    # What it takes in memory: weights and buffers, and the cache of each context token.
    loaded_bytes: int = 9_906_176
    bytes_per_context_token: int = 4096
    characters_per_token: int = 4
    # At temperature 0 it repeats itself and never ends, as the recorded models did.
    runs_on: bool = False
    modified_ns: int = field(default_factory=time.time_ns)

    def can(self, capability: str) -> bool:
        """Tell whether the model has a capability."""
        return capability in self.capabilities

    @property
    def digest(self) -> str:
        """A digest that follows from what the model is."""
        return digest_of(self.name, self.parent, self.system, str(self.parameters))

    @property
    def blob(self) -> str:
        """The digest of the weights."""
        return digest_of(self.parent or self.name, "weights")

    @property
    def context(self) -> int:
        """The context where a request does not ask for another."""
        wanted = int(self.parameters.get("num_ctx", DEFAULT_CONTEXT))
        return min(wanted, self.trained_context)

    @cached_property
    def defaults(self) -> Mapping[str, Any]:
        """The options that decide an answer where a request does not say them.

        The template's own stop markers are left out: no answer contains one, and to
        look for them in each would be the larger part of the work.
        """
        kept = {name: v for name, v in self.parameters.items() if name != "num_ctx"}
        stops = [s for s in kept.pop("stop", ()) if not s.startswith("<|")]
        return {**kept, "stop": stops} if stops else kept

    def memory(self, num_ctx: int) -> int:
        """Say how many bytes it takes when loaded."""
        return self.loaded_bytes + num_ctx * self.bytes_per_context_token

    def count_tokens(self, text: str) -> int:
        """Estimate the tokens of a text."""
        if self.can("embedding"):
            return len(text.split()) + 2
        return -(-len(text) // self.characters_per_token)


def digest_of(*parts: str) -> str:
    """Make up a sha256 digest."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


_TINY = Model(
    name="tiny-chat:latest",
    parameters={"num_ctx": 2048, "stop": ["<|end|>"]},
    characters_per_token=1,
    runs_on=True,
)
_BERT = Model(
    name="tiny-embed:latest",
    capabilities=("embedding",),
    family="bert",
    parameter_count=189_088,
    parameter_size="189K",
    size=762_280,
    trained_context=512,
    embedding_length=96,
    heads=4,
    feed_forward=128,
    vocabulary=153,
    template="{{ .Prompt }}",
    loaded_bytes=5_992_448 - 512 * 1024,
    bytes_per_context_token=1024,
)
_QWEN = Model(
    name="qwen3:0.6b",
    capabilities=("completion", "tools", "thinking"),
    family="qwen3",
    parameter_count=751_632_384,
    parameter_size="751.63M",
    quantization="Q4_K_M",
    file_type=15,
    size=522_653_767,
    trained_context=40960,
    embedding_length=1024,
    blocks=28,
    heads=16,
    feed_forward=3072,
    vocabulary=151_936,
    parameters={"temperature": 0.6, "top_p": 0.95, "top_k": 20},
    loaded_bytes=600 * _MIB,
    bytes_per_context_token=112 << 10,
)
_NOMIC = replace(
    _BERT,
    name="nomic-embed-text:latest",
    family="nomic-bert",
    parameter_count=136_727_040,
    parameter_size="137M",
    quantization="F16",
    file_type=1,
    size=274_302_450,
    trained_context=2048,
    embedding_length=768,
    blocks=12,
    heads=12,
    feed_forward=3072,
    vocabulary=30522,
    parameters={"num_ctx": 8192},
    loaded_bytes=400 * _MIB,
)
_TOOLS = replace(_TINY, name="tiny-tools:latest", capabilities=("completion", "tools"))
_THINK = replace(
    _TINY, name="tiny-think:latest", capabilities=("completion", "thinking")
)
KNOWN = {model.name: model for model in (_TINY, _TOOLS, _THINK, _BERT, _QWEN, _NOMIC)}
_THINKERS = ("qwen3", "deepseek-r1", "gpt-oss", "magistral", "think")
_SEERS = ("llava", "vision", "-vl", "gemma3", "bakllava")


def model_named(name: str) -> Model:
    """Return the known model of this name, or make one that fits it."""
    known = KNOWN.get(name)
    if known is not None:
        return replace(known, modified_ns=time.time_ns())
    return replace(_guess(name), name=name, modified_ns=time.time_ns())


def _guess(name: str) -> Model:
    """Guess from its name what a model can do."""
    base = KNOWN.get(name.partition(":")[0] + ":latest")
    if base is not None:
        return base
    if any(word in name for word in ("embed", "minilm", "bge")):
        return _NOMIC
    thinks = any(word in name for word in _THINKERS)
    sees = any(word in name for word in _SEERS)
    extra = ["thinking"] * thinks + ["vision"] * sees
    return replace(_QWEN, capabilities=("completion", "tools", *extra))
