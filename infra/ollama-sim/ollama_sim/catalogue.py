"""The models on the simulated disk, under the names that Ollama would accept."""

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ollama_sim.errors import ApiError, ModelNotFoundError
from ollama_sim.faults import Fault
from ollama_sim.model import Model, model_named

_PART = r"[a-z0-9_][a-z0-9_.-]*"
_NAME = re.compile(
    rf"(?:(?P<host>{_PART}(?::\d+)?)/)?(?:(?P<space>{_PART})/)?"
    rf"(?P<model>{_PART})(?::(?P<tag>{_PART}))?"
)
_FAULT_TAG = "fault-"


def key_of(name: str) -> str | None:
    """Return the one name a model has among all its spellings, None if invalid."""
    match = _NAME.fullmatch(name.lower())
    if match is None:
        return None
    space, model = match["space"] or match["host"] or "library", match["model"]
    host = match["host"] if match["space"] else None
    prefix = "" if space == "library" else f"{space}/"
    if host not in (None, "registry.ollama.ai"):
        prefix = f"{host}/{space}/"
    return f"{prefix}{model}:{match['tag'] or 'latest'}"


def full_name(key: str) -> str:
    """Return a name with its registry, as some error texts have it."""
    space = "" if "/" in key else "library/"
    return f"registry.ollama.ai/{space}{key}"


class Catalogue:
    """What is installed, and the models that stand for a fault."""

    def __init__(self, names: Iterable[str]) -> None:
        self._models: dict[str, Model] = {}
        self._found: dict[str, Model] = {}
        self.install(names)

    def install(self, names: Iterable[str]) -> None:
        """Make exactly these the installed models."""
        keys = [self._key(name.strip()) for name in names if name.strip()]
        self._models = {key: self._make(key) for key in keys}
        self._found.clear()

    def all(self) -> list[Model]:
        """List the models, the latest first."""
        return sorted(self._models.values(), key=lambda model: -model.modified_ns)

    def find(self, name: object, *, pull_hint: bool = False) -> Model:
        """Return the model of a name in any spelling."""
        found = self._found.get(str(name)) or self._search(str(name or ""))
        if found is None:
            raise ModelNotFoundError(str(name), pull_hint=pull_hint)
        self._found[str(name)] = found
        return found

    def has(self, name: str) -> bool:
        """Tell whether a model is installed."""
        return key_of(name) in self._models

    def pulled(self, name: str) -> None:
        """Install a model."""
        key = self._key(name)
        self._put(self._make(key))

    def copy(self, source: str, destination: str) -> None:
        """Give a model a second name."""
        copied = replace(
            self.find(source), name=self._key(destination), modified_ns=time.time_ns()
        )
        self._put(copied)

    # Any: options have values of several types.
    def derive(
        self, source: Model, name: str, *, system: str, parameters: Mapping[str, Any]
    ) -> Model:
        """Create a model from another."""
        derived = replace(
            source,
            name=self._key(name),
            parent=source.name,
            system=system or source.system,
            parameters={**source.parameters, **parameters},
            modified_ns=time.time_ns(),
        )
        self._put(derived)
        return derived

    def delete(self, name: str) -> Model:
        """Remove a model."""
        model = self.find(name)
        if self._models.pop(model.name, None) is None:
            raise ModelNotFoundError(name)
        self._found.clear()
        return model

    def _put(self, model: Model) -> None:
        self._models[model.name] = model
        self._found.clear()

    def _search(self, name: str) -> Model | None:
        if not name:
            raise ApiError(400, "model is required")
        key = self._key(name)
        return self._models.get(key) or self._stand_in(key)

    def _stand_in(self, key: str) -> Model | None:
        """Make the model `name:fault-mode` out of `name`, which has the fault."""
        base, _, tag = key.rpartition(":")
        tags = (name for name in self._models if name.rpartition(":")[0] == base)
        original = self._models.get(next(tags, ""))
        if original is None or fault_of(f":{tag}") is None:
            return None
        return replace(original, name=key)

    def _make(self, key: str) -> Model:
        return model_named(key)

    @staticmethod
    def _key(name: str) -> str:
        key = key_of(name)
        if key is None:
            raise ApiError(400, "invalid model name")
        return key


def fault_of(key: str) -> Fault | None:
    """Read the fault that a model's tag names: `fault-hang`, `fault-drop-5`."""
    tag = key.rpartition(":")[2]
    if not tag.startswith(_FAULT_TAG):
        return None
    mode, _, number = tag.removeprefix(_FAULT_TAG).partition("-")
    return Fault.named(mode, after_tokens=int(number) if number.isdigit() else None)
