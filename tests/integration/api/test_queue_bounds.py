"""How many jobs may wait: in all, and of one key."""

from collections.abc import Callable

import pytest

from backend.api.container import Services
from backend.core.jobs.states import State
from tests.integration.api.caller import (
    Api,
    MakeCaller,
    code_of,
    submit,
    used,
)

Bound = Callable[..., None]


@pytest.fixture
def bound(services: Services, monkeypatch: pytest.MonkeyPatch) -> Bound:
    """Give what bounds the queue for this test, from the next count on."""
    room = services.jobs._room

    def bound(**most: int) -> None:
        # The application is shared: what it counts now is forgotten afterwards.
        counted = {"_length": 0, "_by_key": {}, "_count_at": 0.0}
        for name, value in (counted | most).items():
            monkeypatch.setattr(room, name, value)

    return bound


def test_a_key_whose_jobs_fill_their_part_of_the_queue_is_refused_alone(
    services: Services, ann: Api, bob: Api, bound: Bound
) -> None:
    for _ in range(3):
        submit(ann)
    submit(bob)
    bound(_most_per_key=3)

    refused = ann.submit()

    assert code_of(refused) == (429, "queue_full")
    assert refused.headers["X-Corral-Queue-Length"] == "4"
    assert refused.headers["Retry-After"] == "30"
    assert "3 of the 4 jobs" in refused.json["detail"]
    submit(bob)


def test_a_full_queue_refuses_whoever_comes_and_holds_nothing_of_theirs(
    limited: MakeCaller, admin: Api, services: Services, bound: Bound
) -> None:
    dan = limited(rpm=5, max_concurrency=1)
    failed = submit(dan)
    services.jobs.stop(failed)
    services.database.read(
        lambda c: c.execute("UPDATE jobs SET state='failed' WHERE id=%s", (failed,))
    )
    submit(admin)
    bound(_most=1)

    refused, replayed = dan.submit(), admin.post(f"/api/v1/jobs/{failed}/replay")

    for reply in (refused, replayed):
        assert code_of(reply) == (429, "queue_full")
        assert reply.headers["X-Corral-Queue-Length"] == "1"
    assert used(services, dan) == (1, 0, 0, 0, 0)


def test_a_queue_is_counted_by_key(
    ann: Api, bob: Api, admin: Api, services: Services
) -> None:
    for api in (ann, ann, bob):
        submit(api)
    cancelled = submit(bob)
    bob.post(f"/api/v1/jobs/{cancelled}/cancel")
    key_id = services.keys.recognise(str(ann.key)).key_id

    assert services.query.queued_by_key(at_least=2) == {key_id: 2}
    assert services.reads.require(cancelled, None).state is State.CANCELLED
