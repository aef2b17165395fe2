"""A broad `except` stands only where a process, a thread or a leader of many ends.

One that raises again at its end only cleans up, and may stand anywhere. What is not
even an `Exception` (a killed greenlet, an exit) is nobody's to catch: whoever cleans up
after it uses `with` or `finally`.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator

from tests.architecture.repository import ROOT, files, named

BROAD = {"Exception", "BaseException"}
# Where an error must end in a state, and what that state is.
EDGES = {
    "backend/core/group_commit.py": "each caller gets the error of its own statement",
    "backend/core/streams/hub.py": "its threads go on: without them the API is deaf",
    "worker/threads.py": "the process ends, non-zero, and is started again",
    "infra/ollama-sim/ollama_sim/connection.py": "the client gets Ollama's own 500",
}
# Where even what kills a thread must end in a state; the line itself says why.
KILLED = {"backend/core/group_commit.py": 1}


def test_errors_are_caught_by_name_but_at_the_edges() -> None:
    broad = {name for name, handler in _handlers() if _swallows(handler)}

    assert broad - set(EDGES) == set()


def test_every_listed_edge_still_is_one() -> None:
    broad = {name for name, handler in _handlers() if _swallows(handler)}

    assert set(EDGES) - broad == set()


def test_nothing_catches_what_is_no_exception_but_where_its_line_says_why() -> None:
    everything = [
        (name, handler) for name, handler in _handlers() if _catches_all(handler)
    ]

    assert Counter(name for name, _ in everything) == KILLED
    for name, handler in everything:
        line = (ROOT / name).read_text().splitlines()[handler.lineno - 1]
        assert re.search(r"# noqa: BLE001 — \w+", line), f"{name}: {line}"


def _handlers() -> Iterator[tuple[str, ast.ExceptHandler]]:
    for path in files("backend/*.py", "worker/*.py", "frontend/*.py", "infra/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler):
                yield named(path), node


def _swallows(handler: ast.ExceptHandler) -> bool:
    return not isinstance(handler.body[-1], ast.Raise) and _catches(handler, BROAD)


def _catches_all(handler: ast.ExceptHandler) -> bool:
    return _catches(handler, {"BaseException"})


def _catches(handler: ast.ExceptHandler, names: set[str]) -> bool:
    if handler.type is None:
        return True
    caught = ast.walk(handler.type)
    return any(isinstance(name, ast.Name) and name.id in names for name in caught)
