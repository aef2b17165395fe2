"""What a node lacks of the models that it shall keep (pure).

Placement across nodes will decide here too; in the meantime every node keeps every
model of the preload list.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from backend.core.jobs.states import Kind


@dataclass(frozen=True, slots=True)
class NodeView:
    """What a node has, as its snapshots say.

    `busy_with` are the works whose effect they cannot show: unfinished, or just done.
    """

    node: str
    on_disk: frozenset[str]
    loaded: frozenset[str]
    busy_with: frozenset[tuple[Kind, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Action:
    """One work for one node."""

    kind: Kind
    node: str
    model: str


def preload(wanted: Sequence[str], nodes: Collection[NodeView]) -> list[Action]:
    """Decide what to pull and load, in the order of the list.

    A model that is not on disk is pulled first; it is loaded once it is there. What is
    already under way is not asked for again.
    """
    actions = [
        Action(kind, view.node, model)
        for view in nodes
        for model in wanted
        if (kind := _lacking(view, model)) is not None
    ]
    busy = {(view.node, *work) for view in nodes for work in view.busy_with}
    return [a for a in actions if (a.node, a.kind, a.model) not in busy]


def _lacking(view: NodeView, model: str) -> Kind | None:
    if model not in view.on_disk:
        return Kind.PULL
    return None if model in view.loaded else Kind.LOAD
