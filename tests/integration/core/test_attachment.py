import time

import redis

from backend.core.attachment import Attachments
from backend.core.identifiers import uuid7
from backend.core.redis_client import connect

KEY = "corral:attached:{}"


def test_the_last_of_several_callers_that_vanishes_is_told_so(
    client: redis.Redis,
) -> None:
    here, there, job_id = Attachments(client), Attachments(client), uuid7()
    first, second = here.attach(job_id), there.attach(job_id)

    assert not here.vanish(first)
    assert there.vanish(second)


def test_a_caller_that_was_served_to_the_end_does_not_count(
    client: redis.Redis,
) -> None:
    attachments, job_id = Attachments(client), uuid7()
    first, second = attachments.attach(job_id), attachments.attach(job_id)

    attachments.detach(first)

    assert attachments.vanish(second)


def test_a_caller_leaves_once(client: redis.Redis) -> None:
    attachments, job_id = Attachments(client), uuid7()
    member = attachments.attach(job_id)
    attachments.detach(member)
    attachments.detach(member)

    assert not attachments.vanish(member)


def test_a_member_that_expired_keeps_nobody_and_cancels_nothing(
    client: redis.Redis,
) -> None:
    attachments, job_id = Attachments(client), uuid7()
    late, other = attachments.attach(job_id), attachments.attach(job_id)
    client.zadd(KEY.format(job_id), {late: 1})

    assert attachments.vanish(other)
    assert not attachments.vanish(late)


def test_members_are_renewed(client: redis.Redis) -> None:
    attachments, job_id = Attachments(client), uuid7()
    member = attachments.attach(job_id)
    client.delete(KEY.format(job_id))

    attachments.renew()

    until = client.zscore(KEY.format(job_id), member)
    assert until is not None
    assert 4_000 < float(until) - time.time() * 1000 < 8_000


def test_nothing_is_renewed_when_nobody_is_attached(client: redis.Redis) -> None:
    Attachments(client).renew()

    assert client.dbsize() == 0


def test_without_redis_nobody_is_the_last() -> None:
    away = connect("redis://127.0.0.1:1/0", timeout_seconds=0.25)
    attachments = Attachments(away)

    assert not attachments.vanish(attachments.attach(uuid7()))
