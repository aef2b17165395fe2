"""A node whose telemetry is looked at: nothing around it is real."""

from typing import Any

from backend.core.catalogue import SeenModel
from backend.core.cluster import Snapshot
from tests.factories import MODEL, settings_for
from tests.unit.worker.generation.test_embed import Bench
from worker.generation.models import NodeModels
from worker.telemetry.snapshot import Telemetry


class FakeNode:
    """Ollama with nothing on its disk and in its memory."""

    def tags(self) -> list[Any]:
        return []

    def ps(self) -> list[Any]:
        return []

    def version(self) -> str:
        return "0.24.0"


class FakeCatalogue:
    """Knows no model."""

    def permits_name(self, name: str) -> bool:
        return True

    def record_installed(self, node: str, seen: list[SeenModel]) -> None:
        return

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
        fakes: Any = {
            "client": FakeNode(),
            "cluster": self,
            "catalogue": FakeCatalogue(),
            "wake": FakeWake(),
            "breaker": FakeBreaker(),
        }
        self.telemetry = Telemetry(
            settings=settings,
            incarnation="me",
            models=FakeModels(settings),
            holdings=bench.holdings,
            pace=bench.pace,
            read_gpus=list,
            serve=lambda _: None,
            **fakes,
        )

    def publish(self, snapshot: Snapshot) -> None:
        self.published.append(snapshot)
