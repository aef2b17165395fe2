"""`make demo` is the whole platform: it answers, heals itself and leaves nothing."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from infra.local import env_file, http_probe, supervisor
from infra.local.folder import ROOT, DemoFolder
from infra.local.ports import free_port

# One demo at a time is load enough for a small machine.
pytestmark = pytest.mark.xdist_group("demo")

COMMAND = [sys.executable, "-m", "infra.local.demo"]
CURL = re.compile(r"^  (\. .+? && curl .+?\}')$", re.MULTILINE | re.DOTALL)


class Demo:
    """One demo in a folder and a home of its own, on ports that nobody uses."""

    def __init__(self, folder: Path) -> None:
        self.folder = DemoFolder(folder / "demo")
        self.environ = {
            **os.environ,
            "HOME": str(folder),
            "DEMO_DIR": str(self.folder.path),
            "API_PORT": str(free_port()),
            "UI_PORT": str(free_port()),
            # Nobody answers there, so it is the simulator that does, on each machine.
            "OLLAMA_BASE_URL": "http://127.0.0.1:9",
        }

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*COMMAND, *words],
            cwd=ROOT,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def client(self) -> dict[str, str]:
        return env_file.read(self.folder.env)

    def family(self) -> list[int]:
        pid = supervisor.running_pid(self.folder)
        return [pid, *supervisor.descendants(pid)] if pid else []

    def find(self, *words: str) -> list[int]:
        return [
            pid
            for pid in self.family()
            if all(word in _command_line(pid) for word in words)
        ]


def _command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


def eventually(holds: Callable[[], object], seconds: float = 60) -> bool:
    give_up_at = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(0.1)
    return True


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Demo, str]]:
    demo = Demo(tmp_path_factory.mktemp("demo"))
    up = demo.run("up", "--detach")
    assert up.returncode == 0, up.stdout
    yield demo, up.stdout
    demo.run("down")


def test_the_printed_curl_streams_an_answer(running: tuple[Demo, str]) -> None:
    demo, printed = running
    [curl] = CURL.findall(printed)

    answer = subprocess.run(
        ["sh", "-c", curl],
        env=demo.environ,
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    ).stdout

    assert answer.count("event: tokens") > 1, answer
    assert '"succeeded"' in answer.split("event: end")[1]


def test_the_key_opens_the_api_and_is_in_no_log(running: tuple[Demo, str]) -> None:
    demo, printed = running
    key = demo.client()["CORRAL_API_KEY"]

    me = http_probe.get_json(f"{demo.client()['CORRAL_BASE_URL']}/api/v1/me", key=key)

    assert "admin" in me["key"]["scopes"]
    assert key not in printed
    logs = list(demo.folder.log.iterdir())
    assert logs
    assert not [log.name for log in logs if key in log.read_text()]


def test_the_password_opens_the_ui_and_is_in_no_log(
    running: tuple[Demo, str],
) -> None:
    demo, printed = running
    client = demo.client()
    name, password = client["CORRAL_ADMIN_USER"], client["CORRAL_ADMIN_PASSWORD"]
    url = client["CORRAL_UI_URL"]

    reply = httpx.post(
        f"{url}/login",
        data={"user": name, "password": password},
        headers={"Origin": url},
        trust_env=False,
    )

    assert reply.status_code == 303
    assert "corral_session" in reply.headers["set-cookie"]
    assert f"sign in as {name}" in printed
    assert password not in printed
    logs = list(demo.folder.log.iterdir())
    assert not [log.name for log in logs if password in log.read_text()]


def test_all_that_it_wrote_is_private(running: tuple[Demo, str]) -> None:
    demo, _ = running

    assert demo.folder.path.stat().st_mode & 0o777 == 0o700
    assert demo.folder.env.stat().st_mode & 0o777 == 0o600


def test_the_ui_is_where_it_says(running: tuple[Demo, str]) -> None:
    demo, printed = running
    url = demo.client()["CORRAL_UI_URL"]

    assert f"Open {url}" in printed
    assert http_probe.answers(f"{url}/_stcore/health")


def test_a_second_demo_says_that_one_runs(running: tuple[Demo, str]) -> None:
    demo, _ = running
    before = demo.family()

    second = demo.run("up", "--detach")

    assert second.returncode == 1
    assert "one runs already" in second.stdout
    assert demo.family()[0] == before[0]


def test_a_killed_worker_is_started_again(running: tuple[Demo, str]) -> None:
    demo, _ = running
    [worker] = demo.find("worker.main", "worker")

    os.kill(worker, signal.SIGKILL)

    assert eventually(lambda: demo.find("worker.main", "worker") not in ([], [worker]))


def test_demo_down_leaves_nothing_running(running: tuple[Demo, str]) -> None:
    demo, _ = running
    family = demo.family()

    down = demo.run("down")

    assert down.returncode == 0, down.stdout
    assert len(family) > 6
    assert [_command_line(pid) for pid in family if supervisor.is_alive(pid)] == []
    assert demo.run("running").returncode == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_and_a_closed_terminal_end_all_of_it(
    tmp_path: Path, number: signal.Signals
) -> None:
    demo = Demo(tmp_path)
    with subprocess.Popen(
        [*COMMAND, "up"],
        cwd=ROOT,
        env=demo.environ,
        stdout=subprocess.PIPE,
        text=True,
    ) as up:
        assert up.stdout is not None
        said = [up.stdout.readline()]
        while said[-1] not in {"Ctrl-C ends everything.\n", ""}:
            said.append(up.stdout.readline())
        family = demo.family()
        assert len(family) > 6, said

        up.send_signal(number)

        assert up.wait(60) == 0
        assert not any(map(supervisor.is_alive, family))
