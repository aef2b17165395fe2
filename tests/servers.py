"""Run a real MariaDB and a real Redis for tests, each on a free port of its own."""

import getpass
import subprocess
from pathlib import Path
from urllib.parse import quote

import pymysql
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.server_process import ServerProcess, ServerStartError, find_program

# The server writes what the tests would not miss after a power cut only now and then.
FAST = [
    "--innodb-flush-log-at-trx-commit=2",
    "--sync-binlog=0",
    "--innodb-doublewrite=0",
]
# Flush at each commit: MariaDB's own default.
DURABLE = ["--innodb-flush-log-at-trx-commit=1", "--skip-log-bin"]
# A developer's machine runs several of these at once.
SMALL = [
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=32M",
    "--key-buffer-size=1M",
    "--aria-pagecache-buffer-size=1M",
    "--performance-schema=OFF",
    "--max-connections=300",
    "--table-open-cache=400",
]


class MariaDbServer(ServerProcess):
    """A MariaDB with a fresh data folder, for everything that MySQL is used for.

    Args:
        folder: An existing, empty folder with a short path (sockets allow 107 bytes).
        durable: Keep what a commit promises through a power cut; for benchmarks.
    """

    USER = "corral"
    PASSWORD = "corral-tests"

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        super().__init__(folder)
        self._program = find_program("mariadbd", package="mariadb-server")
        self._durability = DURABLE if durable else FAST
        self._data = folder / "data"
        # Not /tmp: a starting MariaDB removes all temporary tables that it finds there,
        # another running server's too.
        self._temporary = folder / "tmp"
        self._socket = folder / "server.sock"

    def start(self, timeout_seconds: float = 60) -> "MariaDbServer":
        """Start the server, with a new data folder if there is none yet."""
        if not self._data.exists():
            self._install()
        return super().start(timeout_seconds)

    def command(self) -> list[str]:
        """Return the command line of mariadbd, free of this machine's own settings."""
        return [
            self._program,
            "--no-defaults",
            f"--datadir={self._data}",
            f"--tmpdir={self._temporary}",
            f"--socket={self._socket}",
            f"--pid-file={self.folder / 'server.pid'}",
            f"--init-file={self._init_file()}",
            f"--user={getpass.getuser()}",
            "--skip-networking=0",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            "--skip-name-resolve",
            "--character-set-server=utf8mb4",
            *SMALL,
            *self._durability,
        ]

    def answers(self) -> bool:
        """Return whether a login works."""
        try:
            self.execute("SELECT 1")
        except pymysql.MySQLError:
            return False
        return True

    def url(self, database: str, *, by_socket: bool = False) -> str:
        """Return the SQLAlchemy URL of one database."""
        login = f"{self.USER}:{self.PASSWORD}"
        url = f"mysql+pymysql://{login}@127.0.0.1:{self.port}/{database}"
        return f"{url}?unix_socket={quote(str(self._socket))}" if by_socket else url

    def create_database(self, name: str) -> str:
        """Make a database, empty even if it was there before, and return its URL."""
        self.execute(
            f"DROP DATABASE IF EXISTS `{name}`",
            f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4",
        )
        return self.url(name)

    def execute(self, *statements: str) -> None:
        """Run statements as the administrator, outside any database."""
        connection = pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user=self.USER,
            password=self.PASSWORD,
            connect_timeout=5,
            autocommit=True,
        )
        with connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def _init_file(self) -> Path:
        path = self.folder / "init.sql"
        path.write_text(
            f"CREATE USER IF NOT EXISTS '{self.USER}'@'%' "
            f"IDENTIFIED BY '{self.PASSWORD}';\n"
            f"GRANT ALL PRIVILEGES ON *.* TO '{self.USER}'@'%' WITH GRANT OPTION;\n"
        )
        return path

    def _install(self) -> None:
        self._temporary.mkdir()
        done = subprocess.run(
            [
                find_program("mariadb-install-db", package="mariadb-server"),
                "--no-defaults",
                f"--datadir={self._data}",
                f"--tmpdir={self._temporary}",
                f"--user={getpass.getuser()}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-name-resolve",
                "--innodb-log-file-size=32M",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServerStartError(f"mariadb-install-db: {done.stdout}{done.stderr}")


class RedisServer(ServerProcess):
    """A Redis that keeps what it is told, as the platform's own does.

    Args:
        folder: An existing folder for its append-only file.
        program: Another binary than the machine's, such as an older version.
    """

    PASSWORD = "corral-tests"

    def __init__(self, folder: Path, *, program: str | None = None) -> None:
        super().__init__(folder)
        self._program = program or find_program("redis-server", package="redis-server")

    def command(self) -> list[str]:
        """Return the command line of redis-server, the platform's settings in it."""
        options = {
            "--port": str(self.port),
            "--bind": "127.0.0.1",
            "--requirepass": self.PASSWORD,
            "--dir": str(self.folder),
            "--appendonly": "yes",
            "--save": "",
            "--maxmemory-policy": "noeviction",
        }
        return [self._program, *(word for pair in options.items() for word in pair)]

    def answers(self) -> bool:
        """Return whether a PING is answered, and the data are loaded."""
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def url(self, database: int = 0) -> str:
        """Return the URL of one of its sixteen databases."""
        return f"redis://:{self.PASSWORD}@127.0.0.1:{self.port}/{database}"

    def client(self, database: int = 0) -> redis.Redis:
        """Return a client whose user closes it."""
        # One retry is for a connection of before a restart; more of them would only
        # make "it refuses" a slow answer.
        retry = Retry(NoBackoff(), 1)
        return redis.Redis.from_url(self.url(database), socket_timeout=5, retry=retry)

    def flushall(self) -> None:
        """Forget everything, in all databases."""
        with self.client() as client:
            client.flushall()
