"""What this process knows of its node's models, kept fresh by the snapshots."""

import threading
import time
from collections.abc import Callable, Mapping

from backend.core.catalogue import KnownModel
from backend.core.settings import Settings
from worker.generation.body import ModelPolicy

# A snapshot comes every 2 s; an answer proves that its model is in memory for as long.
_LOADED_SECONDS = 6.0


class NodeModels:
    """Which models the node serves, how, and which of them are in memory."""

    def __init__(
        self, settings: Settings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Keep the operator's defaults."""
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, KnownModel] = {}
        self._digests: dict[str, str] = {}
        self._loaded: dict[str, float] = {}
        self._contexts: dict[str, int | None] = {}
        self._used: dict[str, float] = {}
        self._look: Callable[[], None] | None = None

    def refreshed_by(self, look: Callable[[], None]) -> None:
        """Keep how the node is looked at."""
        self._look = look

    def refresh(self) -> None:
        """Look at the node now: its models were changed, and others shall know."""
        if self._look is not None:
            self._look()

    def update(
        self,
        known: dict[str, KnownModel],
        digests: dict[str, str],
        loaded: Mapping[str, int | None],
    ) -> None:
        """Take what the snapshot found: the catalogue, the disk, the memory.

        `loaded` are the models in memory with their contexts.
        """
        now = self._clock()
        with self._lock:
            self._known, self._digests = known, digests
            self._loaded, self._contexts = dict.fromkeys(loaded, now), dict(loaded)

    def served(self) -> list[str]:
        """Name the models that this node serves: on disk and in the catalogue."""
        with self._lock:
            return sorted(name for name in self._digests if name in self._known)

    def slots(self, model: str) -> int:
        """Give a model's slots: the catalogue's, or 1 if it only embeds."""
        known = self._known.get(model)
        if known is not None and known.slots:
            return known.slots
        embeds = known is not None and known.embeds_only
        return 1 if embeds else self._settings.ollama_num_parallel

    def policy(self, model: str) -> ModelPolicy:
        """Give how the platform runs a model."""
        known = self._known.get(model)
        return ModelPolicy(
            keep_alive_seconds=self._keep_alive(model, known),
            num_ctx=self._settings.model_context_length or None,
            max_tokens=self._settings.max_tokens_default,
            embeds=known is not None and known.embeds_only,
        )

    def _keep_alive(self, model: str, known: KnownModel | None) -> int:
        settings = self._settings
        if settings.model_preload_enabled and model in settings.model_preload_list:
            return -1
        if known is not None and known.keep_alive_seconds is not None:
            return known.keep_alive_seconds
        return settings.model_keep_alive // 1000

    def is_loaded(self, model: str) -> bool:
        """Tell whether the model was seen in memory a moment ago."""
        seen = self._loaded.get(model)
        return seen is not None and self._clock() - seen < _LOADED_SECONDS

    def saw_loaded(self, model: str) -> None:
        """Take note that the model just answered, or was loaded."""
        self._loaded[model] = self._used[model] = self._clock()

    def saw_failing(self, model: str) -> None:
        """Take nothing for granted after a failure."""
        self._loaded.pop(model, None)

    def idle_seconds(self, model: str) -> float | None:
        """Tell how long ago this process used the model; None if it never did."""
        used = self._used.get(model)
        return None if used is None else self._clock() - used

    def context(self, model: str) -> int | None:
        """Give the context that the model was seen to run with."""
        return self._contexts.get(model)

    def digest(self, model: str) -> str | None:
        """Give the digest of a model on disk."""
        return self._digests.get(model)
