"""A broad `except` stands only where a process, a thread or a leader of many ends.

One that raises again at its end only cleans up, and may stand anywhere.
"""

import ast
from collections.abc import Iterator

from tests.architecture.repository import files, named

BROAD = {"Exception", "BaseException"}
# Where an error must end in a state, and what that state is.
EDGES = {
    "backend/core/group_commit.py": "each caller gets the error of its own statement",
    "backend/core/streams/hub.py": "its threads go on: without them the API is deaf",
    "worker/threads.py": "the process ends, non-zero, and is started again",
    "infra/ollama-sim/ollama_sim/connection.py": "the client gets Ollama's own 500",
}


def test_errors_are_caught_by_name_but_at_the_edges() -> None:
    broad = {name for name, _ in _swallowing()}

    assert broad - set(EDGES) == set()


def test_every_listed_edge_still_is_one() -> None:
    broad = {name for name, _ in _swallowing()}

    assert set(EDGES) - broad == set()


def _swallowing() -> Iterator[tuple[str, int]]:
    for path in files("backend/*.py", "worker/*.py", "frontend/*.py", "infra/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler) and _is_broad(node):
                yield named(path), node.lineno


def _is_broad(handler: ast.ExceptHandler) -> bool:
    if isinstance(handler.body[-1], ast.Raise):
        return False
    if handler.type is None:
        return True
    caught = ast.walk(handler.type)
    return any(isinstance(name, ast.Name) and name.id in BROAD for name in caught)
