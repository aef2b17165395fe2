"""What a demo starts is restarted when it dies, and gone when the demo ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.local import http_probe, readiness, supervisor
from infra.local.folder import ROOT, DemoFolder
from infra.local.parts import Part
from infra.local.ports import free_port

SERVER = """
import http.server, os, sys
print("pid", os.getpid(), flush=True)
class Pid(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(os.getpid()).encode())
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Pid).serve_forever()
"""
TIED_STARTER = """
import os, pathlib, sys
from infra.local import supervisor
from infra.local.folder import DemoFolder
folder = DemoFolder(pathlib.Path(sys.argv[1]))
print(supervisor.start(folder, os.environ, tied=True).pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[DemoFolder]:
    folder = DemoFolder(tmp_path / "a demo with 100% odd name")
    folder.make()
    yield folder
    if pid := supervisor.running_pid(folder):
        supervisor.stop(pid)


def stand_in(folder: DemoFolder, name: str = "api", *, code: str = SERVER) -> Part:
    port = free_port()
    script = folder.path / f"{name}.py"
    script.write_text(code)
    return Part(
        name=name,
        command=(sys.executable, str(script), str(port)),
        health_url=f"http://127.0.0.1:{port}/",
        environment={"ODD": "100%, or more"},
    )


def start(folder: DemoFolder, parts: list[Part]) -> "subprocess.Popen[bytes]":
    folder.write_private(folder.supervisor_config, supervisor.config(parts, folder))
    return supervisor.start(folder, os.environ, tied=False)


def wait(
    folder: DemoFolder, parts: list[Part], process: "subprocess.Popen[bytes]"
) -> list[str]:
    said: list[str] = []
    readiness.wait(
        parts,
        folder,
        alive=lambda: process.poll() is None,
        say=said.append,
        timeout_seconds=30,
    )
    return said


def eventually(holds: Callable[[], bool]) -> bool:
    give_up_at = time.monotonic() + 20
    while not holds():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(0.05)
    return True


def test_a_part_that_is_killed_is_started_again(folder: DemoFolder) -> None:
    part = stand_in(folder)
    process = start(folder, [part])
    wait(folder, [part], process)
    [first] = supervisor.children(process.pid)

    os.kill(first, signal.SIGKILL)

    assert eventually(
        lambda: (
            (http_probe.get(part.health_url) or (0, b""))[1]
            not in {b"", str(first).encode()}
        )
    )
    supervisor.stop(process.pid)
    process.wait()


def test_a_stopped_supervisor_leaves_nothing_running(folder: DemoFolder) -> None:
    parts = [stand_in(folder, "api"), stand_in(folder, "ui")]
    process = start(folder, parts)
    said = wait(folder, parts, process)
    family = [process.pid, *supervisor.children(process.pid)]

    supervisor.stop(process.pid)
    process.wait()

    assert len(family) == 3
    assert not any(map(supervisor.is_alive, family))
    assert {line.split()[0] for line in said} == {"api", "ui"}
    assert supervisor.running_pid(folder) is None


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_all_of_it_ends_with_the_process_it_is_tied_to(
    folder: DemoFolder, number: signal.Signals
) -> None:
    part = stand_in(folder)
    folder.write_private(folder.supervisor_config, supervisor.config([part], folder))
    with subprocess.Popen(
        [sys.executable, "-c", TIED_STARTER, str(folder.path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        assert eventually(part.is_healthy)
        family = [pid, *supervisor.children(pid)]

        starter.send_signal(number)

        assert eventually(lambda: not any(map(supervisor.is_alive, family)))


def test_a_killed_supervisor_takes_its_processes_with_it(folder: DemoFolder) -> None:
    part = stand_in(folder)
    process = start(folder, [part])
    wait(folder, [part], process)
    orphans = supervisor.children(process.pid)

    process.kill()
    process.wait()

    assert eventually(lambda: not any(map(supervisor.is_alive, orphans)))


def test_a_part_that_keeps_ending_is_reported_with_its_log(folder: DemoFolder) -> None:
    part = stand_in(folder, "worker", code="raise SystemExit('no database')")
    process = start(folder, [part])

    with pytest.raises(readiness.NotReadyError) as caught:
        wait(folder, [part], process)

    assert "worker keeps ending" in str(caught.value)
    assert "no database" in str(caught.value)
    supervisor.stop(process.pid)
    process.wait()


def test_logs_and_configuration_are_private(folder: DemoFolder) -> None:
    part = stand_in(folder)
    process = start(folder, [part])
    wait(folder, [part], process)
    supervisor.stop(process.pid)
    process.wait()

    assert folder.path.stat().st_mode & 0o077 == 0
    assert folder.supervisor_config.stat().st_mode & 0o077 == 0
    assert (folder.log / "api.log").stat().st_mode & 0o077 == 0
