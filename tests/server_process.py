"""Own one server process of a test run, and never leave it behind.

A server is started through `setpriv --pdeathsig`, so the kernel kills it together
with the process that started it, whether that ends, crashes or is killed.
"""

import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from infra.local.ports import free_port

# Before the PATH: a virtual environment may carry an older server under the same name.
SYSTEM_FOLDERS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"


class MissingServerError(RuntimeError):
    """A server that the tests need is not installed."""


class ServerStartError(RuntimeError):
    """A server ended, or did not answer, while it was starting."""


def find_program(name: str, *, package: str) -> str:
    """Return the path of a server's program, or fail with what to do."""
    path = shutil.which(name, path=SYSTEM_FOLDERS) or shutil.which(name)
    if path is None:
        raise MissingServerError(
            f"{name} is not on this machine. `make test` installs it "
            f"(on Debian by hand: apt-get install {package})."
        )
    return path


class ServerProcess(ABC):
    """Start, stop, kill and restart one server; a subclass says how.

    Args:
        folder: An existing folder of the server's own, for its data and its log.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command line that runs the server in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """Return whether the server answers a client now."""

    @property
    def pid(self) -> int:
        """Return the id of the running process."""
        return self._running().pid

    def start(self, timeout_seconds: float = 60) -> Self:
        """Start the server and return when it answers; its data stay from before."""
        self.begin()
        return self.wait_until_ready(timeout_seconds)

    def begin(self) -> None:
        """Start the server and return at once."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *self.command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for pytest, which then stops the server in its order.
                start_new_session=True,
            )

    def wait_until_ready(self, timeout_seconds: float = 60) -> Self:
        """Return when the server answers."""
        self._wait_until_it_answers(timeout_seconds)
        return self

    def stop(self, timeout_seconds: float = 30) -> None:
        """Ask the server to end and wait for it; kill it if it does not."""
        if self._process is None:
            return
        self._process.terminate()
        # A paused process does not hear SIGTERM before it goes on.
        self._process.send_signal(signal.SIGCONT)
        try:
            self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """End the server as a crash does, with SIGKILL."""
        process = self._running()
        process.kill()
        process.wait()
        self._process = None

    def restart(self) -> None:
        """Stop the server in order and start it again on the same port and data."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze the server: it keeps its connections and answers nothing."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused server go on."""
        self._running().send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        """Start the server."""
        return self.start()

    def __exit__(self, *exception: object) -> None:
        """Stop the server."""
        self.stop()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError(f"{type(self).__name__} is not running")
        return self._process

    def _wait_until_it_answers(self, timeout_seconds: float) -> None:
        process = self._running()
        give_up_at = time.monotonic() + timeout_seconds
        while not self.answers():
            if process.poll() is not None:
                self._process = None
                raise ServerStartError(self._story(f"ended with {process.returncode}"))
            if time.monotonic() > give_up_at:
                self.kill()
                raise ServerStartError(self._story("did not answer in time"))
            time.sleep(0.02)

    def _story(self, what: str) -> str:
        tail = self.log.read_text(errors="replace").splitlines()[-20:]
        return "\n".join([f"{type(self).__name__} {what}. The end of its log:", *tail])
