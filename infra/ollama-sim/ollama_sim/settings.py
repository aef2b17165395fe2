"""Options of the simulator: command line first, then environment, then default."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from ollama_sim.durations import parse_keep_alive

DEFAULT_MODELS = (
    "tiny-chat",
    "tiny-tools",
    "tiny-think",
    "tiny-embed",
    "qwen3:0.6b",
    "nomic-embed-text",
)
# Ollama's own variables are read too, so that a compose file fits both.
OLLAMA_VARIABLES = {
    "num_parallel": "OLLAMA_NUM_PARALLEL",
    "max_loaded_models": "OLLAMA_MAX_LOADED_MODELS",
    "max_queue": "OLLAMA_MAX_QUEUE",
    "keep_alive": "OLLAMA_KEEP_ALIVE",
    "load_timeout_seconds": "OLLAMA_LOAD_TIMEOUT",
}


def _help(text: str, default: Any) -> Any:
    """Declare an option with its help text. Any: dataclasses' own field type."""
    return field(default=default, metadata={"help": text})


@dataclass(kw_only=True, slots=True)
class Settings:
    """How fast, how large and how reliable the simulated server is."""

    host: str = _help("address to listen on", "127.0.0.1")
    port: int = _help("port to listen on (0 takes a free one)", 11434)
    tokens_per_second: float = _help("pace of each stream; 0 is no delay", 0.0)
    first_token_seconds: float = _help("time for the prompt", 0.0)
    # As recorded of 0.24.0: 2.4 ms for one text, 4.8 ms for three in a call, of a model
    # so small (189,000 parameters) that hardly any of it is the model's own work.
    embed_call_seconds: float = _help("time of an embedding call", 0.0012)
    embed_text_seconds: float = _help("more for each of its texts", 0.0012)
    load_seconds: float = _help("time to load a model", 0.0)
    load_timeout_seconds: float = _help("when a wedged load is given up", 300.0)
    vram_mb: float = _help("memory of the GPU; 0 runs models on the CPU", 0.0)
    num_parallel: int = _help("slots of a loaded model", 1)
    max_loaded_models: int = _help("models in memory at once; 0 is three", 0)
    max_queue: int = _help("requests that may wait for a load", 512)
    keep_alive: float | None = _help("seconds; negative is for ever", 300.0)
    models: tuple[str, ...] = _help("names of the installed models", DEFAULT_MODELS)
    pull_seconds: float = _help("time to download a model", 1.0)
    registry: str = _help("online, or offline: every pull fails", "online")
    ollama_version: str = _help("whose answers are given", "0.24.0")
    history: int = _help("finished requests that /_sim/requests remembers", 5000)

    @classmethod
    def read(cls, argv: Sequence[str], environ: Mapping[str, str]) -> "Settings":
        """Read the settings from a command line and an environment."""
        arguments = vars(_parser().parse_args(argv))
        texts = _texts_of(environ) | {k: v for k, v in arguments.items() if v}
        return cls(**{name: parse(name, text) for name, text in texts.items()})


def parse(name: str, value: Any) -> Any:
    """Turn the value of an option, a text or JSON, into its type."""
    if name == "models":
        return tuple(value.split(",")) if isinstance(value, str) else tuple(value)
    if name == "keep_alive":
        return parse_keep_alive(float(value) if _is_number(value) else value)
    if name == "load_timeout_seconds" and isinstance(value, str):
        return float(value) if _is_number(value) else parse_keep_alive(value)
    return type(getattr(Settings(), name))(value)


def _is_number(value: object) -> bool:
    return isinstance(value, str) and value.removeprefix("-").replace(".", "").isdigit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ollama-sim",
        description="A simulator of Ollama: its protocol, and nothing behind it.",
        epilog="Each option is also an environment variable, OLLAMA_SIM_<NAME>; "
        "Ollama's own OLLAMA_HOST, OLLAMA_NUM_PARALLEL, OLLAMA_MAX_LOADED_MODELS, "
        "OLLAMA_MAX_QUEUE, OLLAMA_KEEP_ALIVE and OLLAMA_LOAD_TIMEOUT are read too.",
    )
    for option in fields(Settings):
        flag = "--" + option.name.replace("_", "-")
        text = f"{option.metadata['help']} (default {option.default})"
        parser.add_argument(flag, metavar="X", help=text)
    return parser


def _texts_of(environ: Mapping[str, str]) -> dict[str, str]:
    texts = _host_of(environ.get("OLLAMA_HOST", ""))
    for option in fields(Settings):
        own = environ.get(f"OLLAMA_SIM_{option.name.upper()}")
        text = own or environ.get(OLLAMA_VARIABLES.get(option.name, os.devnull))
        if text:
            texts[option.name] = text
    return texts


def _host_of(text: str) -> dict[str, str]:
    """Split OLLAMA_HOST, which may be `host`, `host:port` or a URL."""
    host, _, port = text.partition("//")[2 if "//" in text else 0].partition(":")
    parts = {"host": host, "port": port.rstrip("/")}
    return {name: part for name, part in parts.items() if part}
