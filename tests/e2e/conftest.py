"""One stack for all tests here: started by `make up`, removed with its data."""

from collections.abc import Callable, Iterator

import pytest

from infra.local.ports import free_port
from tests.e2e.stack import Stack

FIGURES = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FIGURES] = []


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show what was measured, whatever passed or failed."""
    terminalreporter.section("figures")
    for figure in config.stash[FIGURES]:
        terminalreporter.write_line(figure)


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Take a line for the summary."""
    return request.config.stash[FIGURES].append


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Give the running containers."""
    stack = Stack(
        folder=tmp_path_factory.mktemp("e2e"), api_port=free_port(), ui_port=free_port()
    )
    try:
        stack.up()
        yield stack
    finally:
        stack.down()
