"""Where queued jobs stand in their lanes."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, func, select, tuple_
from sqlalchemy.orm import Session

from backend.core.db import Database, transaction
from backend.core.jobs.states import State
from backend.core.models import Job

# A place further back than this is not counted out: it would read the whole lane.
MAX_POSITION = 1_000


class JobPosition:
    """Counts places: 1 is the next, up to a bound."""

    def __init__(self, database: Database) -> None:
        """Keep the database."""
        self._database = database

    def __call__(self, ids: Sequence[str]) -> dict[str, int]:
        """Give the place of those of the jobs that are queued."""
        queued = select(Job.id, Job.lane, Job.queue_rank).where(
            Job.id.in_(ids), Job.state == State.QUEUED.value
        )
        lanes: dict[str, list[Any]] = defaultdict(list)
        with transaction(self._database.sessions) as session:
            for row in session.execute(queued):
                lanes[row.lane].append(row)
            places: dict[str, int] = {}
            for lane, rows in lanes.items():
                places |= _places(session, lane, rows)
        return places


def _places(session: Session, lane: str, rows: Sequence[Row[Any]]) -> dict[str, int]:
    if len(rows) == 1:
        ahead = int(session.execute(_ahead(rows[0])).scalar_one())
        return {rows[0].id: ahead + 1}
    firsts = session.execute(_firsts(lane)).scalars()
    place = {job_id: number for number, job_id in enumerate(firsts, start=1)}
    return {row.id: place.get(row.id, MAX_POSITION) for row in rows}


def _firsts(lane: str) -> Select[Any]:
    return (
        select(Job.id)
        .where(Job.state == State.QUEUED.value, Job.lane == lane)
        .order_by(Job.queue_rank, Job.id)
        .limit(MAX_POSITION)
    )


def _ahead(row: Row[Any]) -> Select[Any]:
    before = (
        select(Job.id)
        .where(Job.state == State.QUEUED.value, Job.lane == row.lane)
        # The first condition is for the index; the second one decides.
        .where(Job.queue_rank <= row.queue_rank)
        .where(tuple_(Job.queue_rank, Job.id) < tuple_(row.queue_rank, row.id))
        .limit(MAX_POSITION - 1)
    )
    return select(func.count()).select_from(before.subquery())
