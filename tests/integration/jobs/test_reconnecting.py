"""A worker hears again after Redis was away, whatever it did meanwhile (JOBS.md 25)."""

import time

from backend.core.jobs.states import State
from tests.integration.jobs.conftest import MakeStack
from tests.integration.jobs.test_crashes import SHORT
from tests.ollama_server import OllamaServer
from tests.servers import RedisServer


def test_rule_25_tickets_that_end_while_redis_is_away_do_not_fill_the_worker_for_good(
    make_stack: MakeStack, ollama: OllamaServer, redis_server: RedisServer
) -> None:
    with make_stack(worker_concurrency=2, ollama_num_parallel=2) as stack:
        worker, _ = stack.start(stack.role("worker"), stack.role("beat"))
        # Redis goes while all threads are busy, so that nothing is read from it, and
        # comes back after they are done.
        busy = [stack.submit(request=SHORT) for _ in range(2)]
        stack.wait_until_running(*busy)
        redis_server.kill()
        stack.wait(*busy)
        time.sleep(1)
        redis_server.start()
        # Sooner than the watchdog would end the process.
        (job,) = stack.wait(stack.submit(request=SHORT), seconds=25)

        assert job.state is State.SUCCEEDED
        assert not worker.is_down()
