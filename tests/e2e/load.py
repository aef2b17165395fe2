"""Two hundred jobs in flight, and what became of them."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.e2e.stack import Stack, eventually

JOBS = 200
# Enough that the load is under way, few enough that most is still to do.
UNDER_WAY = 20


class Load:
    """Jobs of one test, apart from those of the tests before."""

    def __init__(self, stack: Stack) -> None:
        """Submit them all; every one is accepted."""
        self._stack = stack
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: stack.submit(), range(JOBS)))
        refused = [answer.text for answer in answers if answer.status_code != 202]
        assert not refused, refused
        ids = sorted(answer.json()["id"] for answer in answers)
        self._mine = f"id BETWEEN '{ids[0]}' AND '{ids[-1]}'"

    def states(self) -> Counter[str]:
        """Count the jobs by state."""
        query = f"SELECT state, COUNT(*) FROM jobs WHERE {self._mine} GROUP BY state"
        return Counter({state: int(n) for state, n in self._stack.sql(query)})

    def wait_until_under_way(self) -> None:
        """Return when some are done and most are not."""
        eventually(
            lambda: self.states()["succeeded"] >= UNDER_WAY,
            seconds=60,
            what=f"{UNDER_WAY} jobs are done",
        )
        assert self.states()["queued"] > UNDER_WAY, "too fast: nothing is in flight"

    def wait_until_final(self) -> None:
        """Return when no job waits or runs."""
        try:
            eventually(
                lambda: not {"queued", "running"} & set(self.states()),
                seconds=180,
                what="all jobs are final",
            )
        except AssertionError as error:
            raise AssertionError(self._story()) from error

    def _story(self) -> str:
        """Tell where the jobs are and what recovery does about them."""
        jobs = self._stack.sql(
            "SELECT id, state, attempt, worker, node, not_before, lease_expires_at,"
            f" UTC_TIMESTAMP(6) FROM jobs WHERE {self._mine}"
            " AND state IN ('queued', 'running') LIMIT 5"
        )
        runs = self._stack.sql("SELECT * FROM maintenance_runs")
        log = self._stack.compose("logs", "--tail", "60", "beat", "worker")
        return f"{self.states()}\n{jobs}\n{runs}\n{log}"

    def commits(self) -> Counter[int]:
        """Count the jobs by the number of attempts that committed an answer."""
        rows = self._stack.sql(
            "SELECT SUM(outcome = 'succeeded') FROM job_attempts"
            f" WHERE job_{self._mine} GROUP BY job_id"
        )
        return Counter(int(count) for [count] in rows)

    def workers(self) -> Counter[str]:
        """Count the answers by the worker that gave them."""
        rows = self._stack.sql(
            f"SELECT worker, COUNT(*) FROM jobs WHERE {self._mine} GROUP BY worker"
        )
        return Counter({worker: int(count) for worker, count in rows})

    def seconds_to_an_answer(self, since: str) -> float:
        """Measure from then to the first answer of a job that was claimed after it."""
        [[seconds]] = self._stack.sql(
            f"SELECT {_seconds(since, 'MIN(finished_at)')} FROM jobs"
            f" WHERE {self._mine} AND started_at > '{since}'"
        )
        return float(seconds)

    def recovered(self, worker: str, since: str) -> list[float]:
        """Measure from a worker's death until each job that it held ran again."""
        rows = self._stack.sql(
            f"SELECT {_seconds(since, 'jobs.started_at')} FROM jobs"
            " JOIN job_attempts lost ON lost.job_id = id"
            f" WHERE {self._mine} AND lost.worker = '{worker}'"
            " AND lost.outcome = 'worker_lost' AND jobs.attempt = lost.attempt + 1"
        )
        return [float(seconds) for [seconds] in rows]


def _seconds(since: str, until: str) -> str:
    return f"TIMESTAMPDIFF(MICROSECOND, '{since}', {until}) / 1e6"
