"""Supervisord's configuration and log are written and read rightly."""

import os
from pathlib import Path

from infra.local import supervisor
from infra.local.folder import DemoFolder
from infra.local.parts import Part

LOG = """\
2026-01-01 00:00:00,000 INFO spawned: 'api' with pid 12
2026-01-01 00:00:01,000 WARN exited: api (exit status 1; not expected)
2026-01-01 00:00:02,000 INFO success: worker entered RUNNING state
2026-01-01 00:00:03,000 WARN exited: api (terminated by SIGKILL; not expected)
"""


def test_each_part_is_started_again_when_it_ends() -> None:
    part = Part("api", ("python", "-m", "api"), "http://127.0.0.1:1/")

    config = supervisor.config([part, part], DemoFolder(Path("/demo")))

    assert config.count("autorestart=true") == 2


def test_a_percent_sign_is_no_expansion() -> None:
    part = Part("api", ("run", "100%"), "http://127.0.0.1:1/", {"FOLDER": "/100%"})

    config = supervisor.config([part], DemoFolder(Path("/demo")))

    assert "run '100%%'" in config or "run 100%%" in config
    assert 'FOLDER="/100%%"' in config


def test_the_ends_of_a_process_are_counted() -> None:
    assert supervisor.exits(LOG) == [("api", 2)]


def test_this_process_is_alive_and_a_child_of_its_parent() -> None:
    assert supervisor.is_alive(os.getpid())
    assert os.getpid() in supervisor.children(os.getppid())


def test_a_stale_pid_file_is_no_running_demo(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path)
    folder.pid.write_text(str(os.getpid()))

    assert supervisor.running_pid(folder) is None


def test_no_pid_file_is_no_running_demo(tmp_path: Path) -> None:
    assert supervisor.running_pid(DemoFolder(tmp_path)) is None
