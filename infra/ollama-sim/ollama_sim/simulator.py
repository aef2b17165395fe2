"""The parts of a simulated server."""

from dataclasses import dataclass, replace

from ollama_sim.catalogue import Catalogue
from ollama_sim.connection import Connection
from ollama_sim.faults import Faults
from ollama_sim.journal import Journal
from ollama_sim.lines import Clock
from ollama_sim.scheduler import Scheduler
from ollama_sim.settings import Settings


@dataclass(slots=True)
class Simulator:
    """All state of a running simulator."""

    settings: Settings
    # The settings it started with.
    initial: Settings
    catalogue: Catalogue
    scheduler: Scheduler
    journal: Journal
    faults: Faults
    clock: Clock
    # What interrupted downloads have got so far, by digest.
    partial_pulls: dict[str, int]
    # The digests of blobs that were pushed for `create`.
    blobs: set[str]
    connections: set[Connection]

    @classmethod
    def build(cls, settings: Settings) -> "Simulator":
        """Wire the parts."""
        return cls(
            settings=settings,
            initial=replace(settings),
            catalogue=Catalogue(settings.models),
            scheduler=Scheduler(settings),
            journal=Journal(settings.history),
            faults=Faults(),
            clock=Clock(),
            partial_pulls={},
            blobs=set(),
            connections=set(),
        )
