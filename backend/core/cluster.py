"""What the nodes are like now: snapshots that workers publish, with a TTL.

The API and beat read them; only workers talk to Ollama and the GPU. A node that is gone
is one whose snapshots ended. Workers of several versions live side by side, so a reader
leaves out the fields that it does not know, and a field added later has a default.
"""

from collections import defaultdict
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

import orjson
import redis
import structlog

log = structlog.get_logger()

T = TypeVar("T")

SNAPSHOT_TTL_MS = 10_000
_PREFIX = "corral:node:"


@dataclass(frozen=True, slots=True)
class GpuState:
    """One GPU as NVML sees it; sizes in bytes."""

    index: int
    name: str
    memory_total: int
    memory_used: int
    utilization: float | None = None
    temperature_celsius: float | None = None


@dataclass(frozen=True, slots=True)
class LoadedState:
    """A model in memory; sizes in bytes."""

    name: str
    size: int
    size_vram: int
    context_length: int | None
    expires_at: str | None
    last_used_seconds_ago: float | None = None
    running: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One worker's view of its node; `memory_*` is the computer's, in bytes."""

    node: str
    incarnation: str
    worker: str
    published_at: float
    ollama_version: str | None
    ollama_ok: bool
    memory_total: int
    memory_available: int
    concurrency: int
    running: int
    version: str
    gpus: list[GpuState] = field(default_factory=list)
    loaded: list[LoadedState] = field(default_factory=list)
    on_disk: list[str] = field(default_factory=list)
    slots: dict[str, int] = field(default_factory=dict)
    breakers: dict[str, str] = field(default_factory=dict)
    pace_seconds: dict[str, float] = field(default_factory=dict)

    @property
    def simulated(self) -> bool:
        """Tell whether the answers come from the simulator."""
        return "-sim" in (self.ollama_version or "")


class Cluster:
    """Both ends of the snapshots."""

    def __init__(self, client: redis.Redis) -> None:
        """Keep the client."""
        self._client = client

    def publish(self, snapshot: Snapshot) -> None:
        """Say how a node is, for 10 s."""
        key = f"{_PREFIX}{snapshot.node}:{snapshot.incarnation}"
        self._client.set(key, orjson.dumps(asdict(snapshot)), px=SNAPSHOT_TTL_MS)

    def withdraw(self, node: str, incarnation: str) -> None:
        """Take the snapshot back: the worker stops."""
        self._client.delete(f"{_PREFIX}{node}:{incarnation}")

    def snapshots(self) -> list[Snapshot]:
        """Read all live snapshots, by node and worker.

        Raises:
            redis.RedisError: If Redis cannot be asked; that is not "no nodes".
        """
        keys = sorted(self._client.scan_iter(match=f"{_PREFIX}*", count=500))
        if not keys:
            return []
        texts: list[Any] = list(self._client.mget(keys))
        read = (_read(text) for text in texts if text is not None)
        return [snapshot for snapshot in read if snapshot is not None]

    def by_node(self) -> dict[str, list[Snapshot]]:
        """Read all live snapshots, grouped by node."""
        nodes: dict[str, list[Snapshot]] = defaultdict(list)
        for snapshot in self.snapshots():
            nodes[snapshot.node].append(snapshot)
        return dict(nodes)


def _read(text: bytes) -> Snapshot | None:
    try:
        values = orjson.loads(text)
        values["gpus"] = [_known(GpuState, gpu) for gpu in values.get("gpus", ())]
        values["loaded"] = [
            _known(LoadedState, one) for one in values.get("loaded", ())
        ]
        return _known(Snapshot, values)
    except (TypeError, AttributeError, orjson.JSONDecodeError) as error:
        # One strange worker must not hide the others.
        log.warning("snapshot_unreadable", error=str(error))
        return None


def _known(shape: type[T], values: dict[str, Any]) -> T:
    """Make a dataclass of those of the values that it has fields for."""
    names = {one.name for one in fields(shape)}  # type: ignore[arg-type]  # a dataclass
    return shape(**{name: values[name] for name in names & values.keys()})
