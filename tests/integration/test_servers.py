"""The servers of the test run are real, survive a restart and never outlive it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pymysql
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.server_process import MissingServerError, ServerStartError, find_program
from tests.servers import MariaDbServer, RedisServer

ORPHANING = """
import os, pathlib, signal, sys
sys.path.insert(0, os.getcwd())
from tests.servers import RedisServer
server = RedisServer(pathlib.Path(sys.argv[1])).start()
print(server.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_missing_server_fails_with_the_command_that_installs_it() -> None:
    with pytest.raises(MissingServerError, match="`make test` installs it"):
        find_program("no-such-server", package="no-such-package")


def test_a_database_is_empty_each_time_it_is_created(mariadb: MariaDbServer) -> None:
    mariadb.create_database("twice")
    mariadb.execute("CREATE TABLE twice.t (id INT)")

    url = mariadb.create_database("twice")

    assert url.endswith("/twice")
    mariadb.execute("CREATE TABLE twice.t (id INT)")


def test_a_restarted_mariadb_has_its_rows_and_its_port(tmp_path: Path) -> None:
    with MariaDbServer(tmp_path) as server:
        server.create_database("kept")
        server.execute("CREATE TABLE kept.t (id INT)", "INSERT INTO kept.t VALUES (1)")
        url = server.url("kept")

        server.restart()

        assert server.url("kept") == url
        with pytest.raises(pymysql.OperationalError, match="already exists"):
            server.execute("CREATE TABLE kept.t (id INT)")


def test_a_killed_mariadb_refuses_and_comes_back(tmp_path: Path) -> None:
    with MariaDbServer(tmp_path) as server:
        server.kill()
        assert not server.answers()

        server.start()

        assert server.answers()


def test_a_durable_mariadb_has_a_binary_log(tmp_path: Path) -> None:
    with MariaDbServer(tmp_path, durable=True) as server:
        server.execute("SHOW BINLOG EVENTS")


def test_a_killed_redis_keeps_what_was_written(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server, server.client() as client:
        client.set("a", "1")
        client.config_set("appendfsync", "always")
        client.set("b", "2")

        server.kill()
        server.start()

        assert client.mget("a", "b") == [b"1", b"2"]


def test_a_redis_wants_its_password_and_evicts_nothing(
    redis_server: RedisServer,
) -> None:
    stranger = redis.Redis(port=redis_server.port, retry=Retry(NoBackoff(), 0))
    with stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()

    with redis_server.client() as client:
        assert client.config_get("maxmemory-policy") == {
            "maxmemory-policy": "noeviction"
        }


def test_a_flushed_redis_is_empty(redis_server: RedisServer) -> None:
    with redis_server.client(3) as client:
        client.set("a", "1")

        redis_server.flushall()

        assert client.dbsize() == 0


def test_a_paused_redis_hears_nothing_until_it_is_resumed(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        server.pause()
        client = redis.Redis.from_url(server.url(), socket_timeout=0.2)
        with client, pytest.raises(redis.TimeoutError):
            client.ping()

        server.resume()

        assert server.answers()


def test_a_server_that_ends_at_its_start_shows_its_log(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, program=find_program("false", package="coreutils"))

    with pytest.raises(ServerStartError, match="ended with 1"):
        server.start()


def test_a_server_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    starter = subprocess.run(
        [sys.executable, "-c", ORPHANING, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert starter.returncode == -signal.SIGKILL, starter.stderr

    assert _ends(int(starter.stdout))


def _ends(pid: int) -> bool:
    for _ in range(100):
        status = Path(f"/proc/{pid}/stat")
        if not status.exists() or ") Z " in status.read_text():
            return True
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    return False
