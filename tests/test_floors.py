"""The direction of the house: each floor imports only itself and those below it, and no circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import flake8_dbsession

PACKAGE = Path(flake8_dbsession.__file__).parent
NAME = PACKAGE.name
_STATEMENTS = (ast.stmt, ast.excepthandler, ast.match_case)
FLOORS = (
    {"named_tuples", "patterns"},
    {
        "",
        "digests",
        "escaping",
        "failures",
        "garbage",
        "globs",
        "options",
        "reading",
        "registry",
        "roots",
        "terminals",
        "wording",
    },
    {"writing"},
    {"analysis.memory", "analysis.nodes", "analysis.questions", "analysis.source"},
    {"analysis.names.values"},
    {"analysis.library"},
    {"analysis.names"},
    {"analysis.flow"},
    {"analysis.lifetimes"},
    {"analysis.effects"},
    {"analysis.facts"},
    {"analysis.file", "policy"},
    {"house"},
    {"rules"},
    {"linter"},
    {"checking"},
    {"output"},
    {"rewriting"},
    {"fixes"},
    {"migration", "server", "standard"},
    {"survey"},
    {"runtime"},
    {"command"},
    {"entry", "plugin"},
    {"__main__"},
)
"""The floors from the ground up; rooms of one floor do not know each other."""

HEIGHT = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


TREES = {name_of(path): ast.parse(path.read_bytes()) for path in PACKAGE.rglob("*.py")}


def run_by_import(tree: ast.Module) -> Iterator[ast.ImportFrom]:
    """Give the imports of a module, but for those that only its annotations need."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.ImportFrom):
            yield node
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            waiting += [
                each for each in ast.iter_child_nodes(node) if isinstance(each, _STATEMENTS)
            ]


def imported(tree: ast.Module) -> set[str]:
    """Give the modules of the package that one imports."""
    found = set()
    for node in run_by_import(tree):
        top, _, module = (node.module or "").partition(".")
        names = {f"{module}.{alias.name}".lstrip(".") for alias in node.names}
        if top == NAME:
            found |= {name if name in TREES else module for name in names}
    return found


IMPORTS = {module: imported(tree) - {module} for module, tree in TREES.items()}


def room(module: str) -> str:
    """Give the floor's name that a module stands under: the longest one."""
    while module not in HEIGHT and "." in module:
        module = module.rpartition(".")[0]
    return module


def test_a_module_imports_only_its_floor_and_those_below() -> None:
    wrong = [
        f"{module} imports {other}"
        for module, others in sorted(IMPORTS.items())
        for other in sorted(others)
        if room(other) != room(module) and HEIGHT[room(other)] >= HEIGHT[room(module)]
    ]
    assert wrong == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter(IMPORTS).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")
