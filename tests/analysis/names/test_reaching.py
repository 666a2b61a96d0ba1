"""Which of a name's values it has where it is read."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.reaching import assigned_before
from flake8_dbsession.analysis.nodes import nodes_in


def value_read(text: str) -> str | None:
    """What ``a`` stands for in the one call of ``read(a)`` in a function."""
    tree = ast.parse(dedent(text))
    [function] = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    scope = Module(Path("m.py"), dedent(text), tree).scope.child(function)
    [reading] = [
        node.args[0]
        for node in nodes_in(function)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "read"
    ]
    assert isinstance(reading, ast.Name)
    value = assigned_before(reading, scope)
    return ast.unparse(value) if value is not None else None


def body(*lines: str) -> str:
    return "\n    ".join(("def f(b):", *lines))


@pytest.mark.parametrize(
    ("lines", "value"),
    [
        (("a = 1", "read(a)", "a = 2"), "1"),
        (("a = 1", "a = 2", "read(a)"), "2"),
        (("c = a = 1", "print(read(a))", "a = 2"), "1"),
        (("a: int = 1", "if b:", "    return read(a)", "a = 2"), "1"),
        (("for b in c:", "    a = 1", "    read(a)", "    a = 2"), "1"),
        (("a = 1", "with b:", "    try:", "        read(a)", "    except E: a = 3", "a = 2"), "1"),
        (("a = 1", "if b:", "    a = 2", "else:", "    read(a)"), "1"),
        (("a = 1", "a = read(a)"), "1"),
    ],
)
def test_what_was_assigned_last(lines: tuple[str, ...], value: str) -> None:
    assert value_read(body(*lines)) == value


@pytest.mark.parametrize(
    "lines",
    [
        ("if b:", "    a = 1", "read(a)", "a = 2"),
        ("a = 1", "if b:", "    a = 2", "read(a)"),
        ("a = 1", "a, c = b", "read(a)"),
        ("a = 1", "a += 2", "read(a)"),
        ("a = 1", "while b:", "    read(a)", "    a = 2"),
        ("a = 1", "for a in b:", "    read(a)"),
        ("a = 1", "for b in c:", "    a = 2", "else:", "    read(a)"),
        ("a = 1", "try:", "    a = 2", "except E:", "    read(a)"),
        ("a = 1", "try:", "    a = 2", "finally:", "    read(a)"),
        ("a = 1", "try: pass", "except E as a:", "    read(a)"),
        ("a = 1", "with b as a:", "    read(a)"),
        ("a = 1", "match b:", "    case [a]:", "        read(a)"),
        ("a = 1", "if (a := b):", "    read(a)"),
        ("a = 1", "print(a := b)", "read(a)"),
        ("a = 1", "a: int", "read(a)", "a = 2"),
        ("read(a)", "a = 2"),
        ("a = 1", "def g():", "    nonlocal a", "    a = 2", "g()", "read(a)"),
        ("a = 1", "def g():", "    read(a)", "a = 2"),
        ("global a", "a = 1", "read(a)"),
    ],
)
def test_what_may_be_another_value(lines: tuple[str, ...]) -> None:
    assert value_read(body(*lines)) is None
