"""A node whose telemetry is looked at: nothing around it is real."""

from typing import Any

from backend.core.catalogue import SeenModel
from backend.core.cluster import Snapshot
from tests.factories import MODEL, settings_for
from tests.unit.worker.generation.test_embed import Bench
from worker.generation.models import NodeModels
from worker.ollama.errors import RunnerCrashedError
from worker.ollama.inventory import InstalledModel
from worker.telemetry.snapshot import Telemetry


class FakeNode:
    """Ollama with nothing on its disk and in its memory, until a test says so."""

    def __init__(self) -> None:
        self.disk: list[InstalledModel] = []
        self.described: list[str] = []
        self.broken: set[str] = set()

    def tags(self) -> list[InstalledModel]:
        return self.disk

    def describe(self, model: str) -> dict[str, Any]:
        self.described.append(model)
        if model in self.broken:
            raise RunnerCrashedError
        return {"template": model, "capabilities": ["completion"], "tensors": [1]}

    def ps(self) -> list[Any]:
        return []

    def version(self) -> str:
        return "0.24.0"


class FakeCatalogue:
    """Knows no model, but what was recorded."""

    def __init__(self) -> None:
        self.recorded: list[list[SeenModel]] = []

    def permits_name(self, name: str) -> bool:
        return True

    def record_installed(self, node: str, seen: list[SeenModel]) -> None:
        self.recorded.append(seen)

    def read(self) -> dict[str, Any]:
        return {}


class FakeWake:
    """Takes what is published."""

    def publish_capacity(self, model: str, node: str, slots: int) -> None:
        return


class FakeModels(NodeModels):
    """Serves one model whatever the disk says."""

    def served(self) -> list[str]:
        return [MODEL]


class FakeBreaker:
    """Knows nothing against anybody."""

    def modes(self, node: str, models: list[str]) -> dict[str, str]:
        return dict.fromkeys(models, "closed")


class Node:
    """Telemetry of what a bench answers; `published` is what others hear."""

    def __init__(self, bench: Bench) -> None:
        self.published: list[Snapshot] = []
        settings = settings_for()
        self.ollama, self.catalogue = FakeNode(), FakeCatalogue()
        self.models = FakeModels(settings)
        fakes: Any = {
            "client": self.ollama,
            "cluster": self,
            "catalogue": self.catalogue,
            "wake": FakeWake(),
            "breaker": FakeBreaker(),
        }
        self.telemetry = Telemetry(
            settings=settings,
            incarnation="me",
            models=self.models,
            holdings=bench.holdings,
            pace=bench.pace,
            read_gpus=list,
            serve=lambda _: None,
            **fakes,
        )

    def publish(self, snapshot: Snapshot) -> None:
        self.published.append(snapshot)
