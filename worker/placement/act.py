"""Acting on the plans: what nodes shall do becomes jobs of their lanes."""

from collections.abc import Sequence

import orjson

from backend.core.catalogue import Catalogue
from backend.core.cluster import SNAPSHOT_TTL_MS, Cluster, Snapshot
from backend.core.identifiers import uuid7
from backend.core.jobs.records import JobRecord, NewJob
from backend.core.jobs.repository.insert import JobInsert
from backend.core.jobs.repository.query import JobQuery
from backend.core.jobs.states import Kind, OnDisconnect, Priority, State
from backend.core.keys import Keys
from backend.core.maintenance import Report
from backend.core.models import SYSTEM_USER
from backend.core.names import node_lane
from backend.core.settings import Settings
from worker.placement.eviction import LoadedModelView, Memory, evict
from worker.placement.plan import Action, NodeView, preload

_DAY_MS = 86_400_000


class Placement:
    """Brings and removes models on nodes."""

    def __init__(
        self,
        *,
        settings: Settings,
        cluster: Cluster,
        catalogue: Catalogue,
        query: JobQuery,
        insert: JobInsert,
        keys: Keys,
    ) -> None:
        """Keep the collaborators."""
        self._settings = settings
        self._cluster = cluster
        self._catalogue = catalogue
        self._query = query
        self._insert = insert
        self._keys = keys

    def preload(self) -> Report:
        """Ask each node for what it lacks of the preload list.

        A failed pull or load is seen here as still lacking, and asked for again.
        """
        wanted = self._wanted()
        if not wanted:
            return Report({"enabled": False})
        views = [self._view(node, s) for node, s in self._live().items()]
        actions = preload(wanted, views)
        failures = self._failures(wanted)
        for action in actions:
            self._order(action)
        lacking = sorted({m for v in views for m in wanted if m not in v.loaded})
        return Report(
            {
                "nodes": len(views),
                "asked": [f"{a.kind} {a.model} on {a.node}" for a in actions],
                "lacking": lacking,
                "last_errors": failures if lacking else {},
            },
            ok=not (lacking and failures),
        )

    def _wanted(self) -> list[str]:
        if not self._settings.model_preload_enabled:
            return []
        names = self._settings.model_preload_list
        return [name for name in names if self._catalogue.permits_name(name)]

    def cleanup(self) -> Report:
        """Unload the least recently used idle model of each node that is too full."""
        unloaded = []
        for node, snapshots in self._live().items():
            model = self._eviction(snapshots)
            view = self._view(node, snapshots)
            if model is not None and (Kind.UNLOAD, model) not in view.busy_with:
                self._order(Action(Kind.UNLOAD, node, model))
                unloaded.append(f"{model} on {node}")
        return Report({"unloaded": unloaded})

    def _eviction(self, snapshots: Sequence[Snapshot]) -> str | None:
        newest = max(snapshots, key=lambda snapshot: snapshot.published_at)
        return evict(
            memory_of(newest),
            loaded_views(snapshots),
            threshold=self._settings.model_memory_threshold,
            kept=self._wanted(),
        )

    def _live(self) -> dict[str, list[Snapshot]]:
        """Give the nodes whose Ollama answers."""
        nodes = self._cluster.by_node()
        return {
            node: live
            for node, snapshots in nodes.items()
            if (live := [snapshot for snapshot in snapshots if snapshot.ollama_ok])
        }

    def _view(self, node: str, snapshots: Sequence[Snapshot]) -> NodeView:
        newest = max(snapshots, key=lambda snapshot: snapshot.published_at)
        # What it has just done, its snapshot may not show yet.
        work = self._query.node_work(node_lane(node), done_within_ms=SNAPSHOT_TTL_MS)
        return NodeView(
            node=node,
            on_disk=frozenset(newest.on_disk),
            loaded=frozenset(model.name for model in newest.loaded),
            busy_with=frozenset((job.kind, job.model) for job in work),
        )

    def _failures(self, wanted: Sequence[str]) -> dict[str, str]:
        """Give the last failure of each wanted model whose last work failed."""
        last: dict[str, JobRecord] = {}
        for job in self._query.recent_node_work(self._owner()):
            last.setdefault(job.model, job)
        return {
            model: (last[model].error or {}).get("message", "")
            for model in wanted
            if model in last and last[model].state is State.FAILED
        }

    def _order(self, action: Action) -> None:
        job = NewJob(
            id=uuid7(),
            owner_id=self._owner(),
            key_id=None,
            kind=action.kind,
            model=action.model,
            requested_model=action.model,
            lane=node_lane(action.node),
            request=orjson.dumps({"node": action.node}),
            cost=1,
            weight=1.0,
            priority=Priority.NORMAL,
            on_disconnect=OnDisconnect.CONTINUE,
            queue_ms=_DAY_MS,
            deadline_ms=_DAY_MS,
        )
        self._insert([job])

    def _owner(self) -> int:
        return self._keys.ensure_user(SYSTEM_USER)


def memory_of(snapshot: Snapshot) -> Memory:
    """Give the memory that models live in: the GPUs', else the computer's."""
    if snapshot.gpus:
        return Memory(
            total=sum(gpu.memory_total for gpu in snapshot.gpus),
            used=sum(gpu.memory_used for gpu in snapshot.gpus),
        )
    used = snapshot.memory_total - snapshot.memory_available
    return Memory(total=snapshot.memory_total, used=used)


def loaded_views(snapshots: Sequence[Snapshot]) -> list[LoadedModelView]:
    """Join what all workers of a node say of the models in its memory."""
    newest = max(snapshots, key=lambda snapshot: snapshot.published_at)
    views = []
    for model in newest.loaded:
        same = [m for s in snapshots for m in s.loaded if m.name == model.name]
        idle = [
            m.last_used_seconds_ago for m in same if m.last_used_seconds_ago is not None
        ]
        views.append(
            LoadedModelView(
                name=model.name,
                size=model.size,
                running=sum(m.running for m in same),
                idle_seconds=min(idle) if idle else None,
            )
        )
    return views
