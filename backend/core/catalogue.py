"""The catalogue: which models callers may name (JOBS.md 28).

MySQL's catalogue decides; what workers see on disk only fills it. A model that is known
but served nowhere is accepted, and its job waits.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.core.db import Database, transaction
from backend.core.errors import DatabaseUnavailableError, ModelNotFoundError
from backend.core.models import InstalledModel, Model
from backend.core.names import canonical_model

log = structlog.get_logger()

# How old the API's copy may be; a name that is missing is looked up at once.
_FRESH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model of the catalogue; None is "not known yet" or "the default"."""

    name: str
    allowed: bool
    preload: bool
    capabilities: frozenset[str] | None
    context_length: int | None
    keep_alive_seconds: int | None
    slots: int | None
    created_at: datetime

    @property
    def embeds_only(self) -> bool:
        """Tell whether the model makes nothing but embeddings."""
        return self.capabilities == frozenset({"embedding"})


@dataclass(frozen=True, slots=True)
class SeenModel:
    """A model that a worker found on its node's disk."""

    name: str
    digest: str
    size_bytes: int
    capabilities: tuple[str, ...] | None
    context_length: int | None
    modified_at: str | None = None
    details: str | None = None
    description: str | None = None

    @property
    def is_described(self) -> bool:
        """Tell whether Ollama said all that it knows of the model."""
        return self.description is not None


class Catalogue:
    """Reads and fills the catalogue."""

    def __init__(
        self,
        database: Database,
        *,
        allowed: Sequence[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the names that the operator allows; none means all."""
        self._database = database
        self._allowed = frozenset(allowed)
        self._clock = clock
        self._lock = threading.Lock()
        self._models: dict[str, KnownModel] = {}
        self._read_at = -_FRESH_SECONDS

    def require(self, name: str) -> KnownModel:
        """Find a model by any of its spellings.

        Raises:
            ModelNotFoundError: If the catalogue does not have it, or it is not allowed.
        """
        canonical = canonical_model(name)
        found = self._fresh().get(canonical) or self.read().get(canonical)
        if found is None or not self.permits(found):
            raise ModelNotFoundError(
                f"The model {name!r} is not in the catalogue;"
                " GET /api/v1/models lists those that are."
            )
        return found

    def permits(self, model: KnownModel) -> bool:
        """Tell whether the operator allows a model."""
        return model.allowed and (not self._allowed or model.name in self._allowed)

    def permits_name(self, name: str) -> bool:
        """Tell whether a model of that name may be brought in."""
        return not self._allowed or canonical_model(name) in self._allowed

    def _fresh(self) -> dict[str, KnownModel]:
        with self._lock:
            if self._clock() - self._read_at < _FRESH_SECONDS:
                return self._models
            # Only who comes first reads; those who come meanwhile get the old copy.
            self._read_at = self._clock()
            copy = self._models
        try:
            return self.read()
        except DatabaseUnavailableError:
            # After a restart of the database the first connection of a pool is a dead
            # one. No reason to turn a job away: its INSERT finds out for itself.
            if copy:
                return copy
            raise

    def read(self) -> dict[str, KnownModel]:
        """Read the catalogue from the database."""
        with transaction(self._database.sessions) as session:
            rows = session.execute(select(Model)).scalars().all()
        models = {row.name: _known(row) for row in rows}
        with self._lock:
            self._models, self._read_at = models, self._clock()
        return models

    def installed(self, model: str | None = None) -> list[InstalledModel]:
        """List what is on which node's disk; of one model, if it is named."""
        statement = select(InstalledModel)
        if model is not None:
            statement = statement.where(InstalledModel.model == model)
        with transaction(self._database.sessions) as session:
            return list(session.execute(statement).scalars())

    def description(self, model: str) -> str | None:
        """Read what Ollama says of a model: JSON of `/api/show`, if a node told it."""
        statement = (
            select(InstalledModel.description)
            .where(InstalledModel.model == model)
            .where(InstalledModel.description.is_not(None))
            .order_by(InstalledModel.modified_at.desc(), InstalledModel.node)
            .limit(1)
        )
        with transaction(self._database.sessions) as session:
            return session.execute(statement).scalar()

    def forget(self, name: str) -> None:
        """Take a model out that is on no disk, and for which nobody has a policy."""
        on_disk = select(InstalledModel.model).where(InstalledModel.model == name)
        statement = delete(Model).where(
            Model.name == name,
            Model.allowed,
            ~Model.preload,
            Model.keep_alive_seconds.is_(None),
            Model.slots.is_(None),
            ~on_disk.exists(),
        )
        with transaction(self._database.sessions) as session:
            session.execute(statement)
        self.read()

    def seed(self, names: Iterable[str], *, preload: Iterable[str] = ()) -> None:
        """Put names into the catalogue; those that are there stay as they are."""
        wanted = set(preload)
        known = self.read()
        for name in dict.fromkeys([*names, *wanted]):
            if name not in known:
                self._add(Model(name=name, preload=name in wanted, **_new()))

    def record_installed(self, node: str, seen: Sequence[SeenModel]) -> None:
        """Make a node's list of models on disk what its worker just saw."""
        ordered = sorted(seen, key=lambda model: model.name)
        self.seed(model.name for model in ordered)
        try:
            self._database.transact(lambda session: _replace(session, node, ordered))
        except IntegrityError:
            # Another worker of the node wrote the same list in the same moment.
            log.info("installed_models_known", node=node)
        self.read()

    def _add(self, row: Model) -> None:
        try:
            with transaction(self._database.sessions) as session:
                session.add(row)
        except IntegrityError:
            # Another worker saw the same model in the same moment.
            return


def _replace(session: Session, node: str, seen: Sequence[SeenModel]) -> None:
    now = datetime.now(UTC)
    session.execute(delete(InstalledModel).where(InstalledModel.node == node))
    for model in seen:
        session.add(
            InstalledModel(
                node=node,
                model=model.name,
                digest=model.digest,
                size_bytes=model.size_bytes,
                seen_at=now,
                modified_at=model.modified_at,
                details=model.details,
                description=model.description,
            )
        )
        row = session.get(Model, model.name)
        if row is not None and model.capabilities is not None:
            row.capabilities = sorted(model.capabilities)
            row.context_length = model.context_length or row.context_length


def _new() -> dict[str, object]:
    return {"allowed": True, "created_at": datetime.now(UTC)}


def _known(row: Model) -> KnownModel:
    found = row.capabilities
    return KnownModel(
        name=row.name,
        allowed=row.allowed,
        preload=row.preload,
        capabilities=None if found is None else frozenset(found),
        context_length=row.context_length,
        keep_alive_seconds=row.keep_alive_seconds,
        slots=row.slots,
        created_at=row.created_at,
    )
