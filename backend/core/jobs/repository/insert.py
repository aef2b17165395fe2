"""Accepting jobs: rank and INSERT of all that were submitted together, one commit.

Only when this has returned is anything answered; after that the answer is never an
error (JOBS.md 1, 8, 10).
"""

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pymysql

from backend.core.db import ConnectionLostError, Database
from backend.core.errors import DatabaseUnavailableError
from backend.core.hot_cursor import HotCursor
from backend.core.jobs.fair_share import Bid, Tags, tag
from backend.core.jobs.records import NewJob

# One bad row (a duplicate idempotency key) is repeated alone by the group commit.
DUPLICATE = (pymysql.IntegrityError, sqlite3.IntegrityError)

_COLUMNS = (
    "id,owner_id,key_id,kind,model,requested_model,lane,priority,queue_rank,fair_start,"
    "fair_finish,state,attempt,failures,on_disconnect,idempotency_key,body_hash,"
    "metadata,request_id,traceparent,replay_of,created_at,queue_expires_at,deadline_at"
)


class JobInsert:
    """Writes new jobs and their payloads."""

    def __init__(self, database: Database, *, head_start: int) -> None:
        """Keep the tokens between two priorities and write the statements once."""
        self._database = database
        self._head_start = head_start
        self._row, self._lane_time = self._statements()

    def _statements(self) -> tuple[str, str]:
        now, later = self._database.dialect.now, self._database.dialect.later
        row = (
            "(%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,'queued',0,0,%s,%s,%s,%s,%s,%s,%s,"
            f"{now},{later('%s')},{later('%s')})"
        )
        # The first hundred by rank hold the smallest start but for head starts; the
        # exact minimum would read the whole lane while no worker runs.
        lane_time = (
            "SELECT 0,COALESCE((SELECT MAX(fair_start) FROM jobs"
            " WHERE state='running' AND lane=%s),"
            "(SELECT MIN(s.fair_start) FROM (SELECT fair_start FROM jobs"
            " WHERE state='queued' AND lane=%s ORDER BY queue_rank,id LIMIT 100) s),0)"
        )
        return row, lane_time

    def __call__(self, jobs: Sequence[NewJob]) -> list[None]:
        """Commit the jobs.

        Raises:
            DatabaseUnavailableError: If it is certain that nothing was committed, or
                the database stays away.
            IntegrityError: If an idempotency key is taken; nothing was committed.
        """
        try:
            self._database.run(lambda cursor: self._insert(cursor, jobs))
        except ConnectionLostError:
            self._insert_after_lost_reply(jobs)
        return [None] * len(jobs)

    def _insert_after_lost_reply(self, jobs: Sequence[NewJob]) -> None:
        # The ids are our own, so finding them means that the COMMIT counted.
        try:
            if not self._database.run(lambda cursor: _all_there(cursor, jobs)):
                self._database.run(lambda cursor: self._insert(cursor, jobs))
        except ConnectionLostError as error:
            raise DatabaseUnavailableError from error

    def _insert(self, cursor: HotCursor, jobs: Sequence[NewJob]) -> None:
        tags = self._tags(cursor, jobs)
        rows = [self._values(job, tags[job.id]) for job in jobs]
        cursor.commit_all(
            [
                (
                    f"INSERT INTO jobs ({_COLUMNS}) VALUES "
                    + ",".join([self._row] * len(jobs)),
                    [value for row in rows for value in row],
                ),
                (
                    "INSERT INTO job_payloads (job_id,request) VALUES "
                    + ",".join(["(%s,%s)"] * len(jobs)),
                    [v for job in jobs for v in (job.id, job.request.decode())],
                ),
            ]
        )

    def _tags(self, cursor: HotCursor, jobs: Sequence[NewJob]) -> dict[str, Tags]:
        lanes: dict[str, list[NewJob]] = defaultdict(list)
        for job in jobs:
            lanes[job.lane].append(job)
        tags: dict[str, Tags] = {}
        for lane, members in lanes.items():
            owners = sorted({job.owner_id for job in members})
            lane_time, owner_finish = self._read_lane(cursor, lane, owners)
            placed = tag(
                [Bid(j.owner_id, j.cost, j.weight, j.priority) for j in members],
                lane_time=lane_time,
                owner_finish=owner_finish,
                head_start=self._head_start,
            )
            tags.update(zip((job.id for job in members), placed, strict=True))
        return tags

    def _read_lane(
        self, cursor: HotCursor, lane: str, owners: Sequence[int]
    ) -> tuple[int, dict[int, int]]:
        """Read the lane's time, and the owners' finish tags, in one statement."""
        marks = ",".join(["%s"] * len(owners))
        cursor.execute(
            f"{self._lane_time} UNION ALL SELECT owner_id,MAX(fair_finish) FROM jobs"
            f" WHERE owner_id IN ({marks}) AND lane=%s"
            " AND state IN ('queued','running') GROUP BY owner_id",
            (lane, lane, *owners, lane),
        )
        (_, lane_time), *finishes = cursor.rows()
        return int(lane_time), {int(owner): int(end) for owner, end in finishes}

    @staticmethod
    def _values(job: NewJob, tags: Tags) -> tuple[Any, ...]:
        return (
            job.id,
            job.owner_id,
            job.key_id,
            job.kind.value,
            job.model,
            job.requested_model,
            job.lane,
            int(job.priority),
            tags.rank,
            tags.start,
            tags.finish,
            job.on_disconnect.value,
            job.idempotency_key,
            job.body_hash,
            job.metadata,
            job.request_id,
            job.traceparent,
            job.replay_of,
            min(job.queue_ms, job.deadline_ms),
            job.deadline_ms,
        )


def _all_there(cursor: HotCursor, jobs: Sequence[NewJob]) -> bool:
    marks = ",".join(["%s"] * len(jobs))
    cursor.execute(
        f"SELECT COUNT(*) FROM jobs WHERE id IN ({marks})", [job.id for job in jobs]
    )
    return int(cursor.rows()[0][0]) == len(jobs)
