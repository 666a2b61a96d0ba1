"""What the conditions around a place show to be missing there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from flake8_dbsession.analysis.facts.lifetime.conditions import missing_at
from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.source.mentions import Mentions


def missing_at_call(text: str) -> list[str]:
    """What is missing where ``connect_here()`` is called."""
    scope = Module(Path("/repo/app.py"), text, ast.parse(text)).scope
    tree = Tree(scope, Mentions(text, {"connect_here"}))
    (call,) = [c for c, _ in tree.find(ast.Call) if ast.unparse(c.func) == "connect_here"]
    return [ast.unparse(missing) for missing in missing_at(call, tree)]


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("if x:\n    pass\nelse:\n    connect_here()", ["x"]),
        ("if x:\n    connect_here()", []),
        ("if a.b is not None:\n    pass\nelse:\n    connect_here()", ["a.b"]),
        ("if a.b is not None:\n    connect_here()", []),
        ("if x is None:\n    connect_here()", ["x"]),
        ("if x is None:\n    pass\nelse:\n    connect_here()", []),
        ("if not x:\n    connect_here()", ["x"]),
        ("if not x is not None:\n    connect_here()", ["x"]),
        ("if not x:\n    pass\nelse:\n    connect_here()", []),
        ("if x:\n    pass\nelif y:\n    pass\nelse:\n    connect_here()", ["y", "x"]),
        ("if x:\n    pass\nelse:\n    with a as b:\n        connect_here()", ["x"]),
        ("c = a if x else connect_here()", ["x"]),
        ("c = connect_here() if x is None else a", ["x"]),
        ("if connect_here():\n    pass", []),
        ("if x and y:\n    pass\nelse:\n    connect_here()", []),
        ("if x == 1:\n    pass\nelse:\n    connect_here()", []),
        ("if x:\n    pass\nelse:\n    def f():\n        connect_here()", []),
        ("while x:\n    pass\nelse:\n    connect_here()", []),
    ],
)
def test_missing(text: str, missing: list[str]) -> None:
    assert missing_at_call(text) == missing
