import pytest
import redis

from backend.core.redis_client import KeptConnection, KeptConnections, connect
from tests.servers import RedisServer


def test_a_kept_connection_answers_in_order(client: redis.Redis) -> None:
    kept = KeptConnection(client)

    assert kept.execute(("SET", "a", 1), ("GET", "a"), ("NONSENSE",))[:2] == [
        b"OK",
        b"1",
    ]
    kept.close()


def test_a_commands_own_error_stands_in_its_place(client: redis.Redis) -> None:
    kept = KeptConnection(client)
    _, error, after = kept.execute(("SET", "a", "x"), ("INCR", "a"), ("GET", "a"))

    assert isinstance(error, redis.ResponseError)
    assert after == b"x"
    kept.close()


def test_a_connection_may_be_lost_more_often_than_the_pool_is_large(
    redis_url: str,
) -> None:
    client = connect(redis_url, timeout_seconds=5, connections=2)
    kept = KeptConnection(client)
    for _ in range(10):
        assert kept.execute(("PING",)) == [b"PONG"]
        kept.close()


def test_connections_are_borrowed_and_come_back(connections: KeptConnections) -> None:
    connections.execute(("PING",))
    connections.execute(("PING",))

    assert len(connections._idle) == 1
    connections.close()
    assert len(connections._idle) == 0


def test_a_refused_connection_is_reported_at_once_and_works_again_later(
    redis_server: RedisServer, connections: KeptConnections
) -> None:
    connections.execute(("PING",))
    redis_server.kill()
    try:
        for _ in range(2):
            with pytest.raises(redis.ConnectionError):
                connections.execute(("PING",))
    finally:
        redis_server.start()

    assert connections.execute(("PING",)) == [b"PONG"]


ADD = "return redis.call('INCRBY', KEYS[1], ARGV[1])"


def test_scripts_run_together_whether_redis_knows_them_or_not(
    client: redis.Redis, connections: KeptConnections
) -> None:
    calls = [(1, "n", by) for by in (1, 10, 100)]

    assert connections.evaluate_all(ADD, calls) == [1, 11, 111]
    client.script_flush()
    assert connections.evaluate_all(ADD, calls) == [112, 122, 222]
    assert connections.evaluate(ADD, ["n"], [8]) == 230


def test_a_script_that_fails_is_told(
    client: redis.Redis, connections: KeptConnections
) -> None:
    client.set("n", "no number")

    with pytest.raises(redis.ResponseError, match="not an integer"):
        connections.evaluate_all(ADD, [(1, "m", 1), (1, "n", 1)])
    with pytest.raises(redis.ResponseError, match="not an integer"):
        connections.run(("INCR", "n"))
