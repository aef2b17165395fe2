"""No `==` compares secrets: how long it takes tells how many characters were right.

`hmac.compare_digest` does it, or a hash is looked up (`backend/core/secret_hash.py`).
"""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.repository import files, named

SECRET = re.compile(
    r"(secret(_value)?|password|passphrase|signature|hashed|api_?key)$", re.IGNORECASE
)


def test_no_secret_is_compared_by_an_operator() -> None:
    sources = files("backend/*.py", "worker/*.py", "frontend/*.py")
    found = [
        f"{named(path)}:{line}"
        for path in sources
        for line in _compared(path.read_text())
    ]

    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "secret == sent",
        "sent != user.password",
        "expected == hashed(sent)",
        "settings.admin_key.get_secret_value() == sent",
        "signature in (first, second)",
    ],
)
def test_the_rule_finds_them(code: str) -> None:
    assert list(_compared(code)) == [1]


@pytest.mark.parametrize(
    "code",
    [
        "select(ApiKey.id).where(ApiKey.hash == hashed(secret))",
        "secret == ''",
        "password is None",
        "len(secret) == 32",
        "hmac.compare_digest(secret, sent)",
        "digest == other.digest",
        "row.api_key_id == caller.key_id",
    ],
)
def test_the_rule_leaves_other_comparisons_alone(code: str) -> None:
    assert list(_compared(code)) == []


def _compared(source: str) -> Iterator[int]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and isinstance(
            node.ops[0], (ast.Eq, ast.NotEq, ast.In, ast.NotIn)
        ):
            sides = [node.left, *node.comparators]
            if any(map(_is_secret, sides)) and not any(map(_tells_nothing, sides)):
                yield node.lineno


def _is_secret(side: ast.expr) -> bool:
    return SECRET.search(_name(side)) is not None


def _name(side: ast.expr) -> str:
    """Give what a value is called: its variable, attribute or function."""
    match side:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=func):
            return _name(func)
    return ""


def _tells_nothing(side: ast.expr) -> bool:
    """Tell a constant, and a column, which the database compares."""
    is_column = (
        isinstance(side, ast.Attribute)
        and isinstance(side.value, ast.Name)
        and side.value.id[0].isupper()
    )
    return is_column or isinstance(side, ast.Constant)
