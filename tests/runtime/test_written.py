"""The written cases: exactly the leaks, at the right line, and the linter's word beside them.

Each function of the modules in ``written/`` is a case. ``# leaks`` marks the line that the watch is
to name, and the linter's finding is to stand there too; ``# linter only: why`` marks one that did
not happen in the run.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import gc
import importlib
import inspect
import re
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from flake8_dbsession.linter import Linter, Settings
from flake8_dbsession.runtime import watch
from flake8_dbsession.runtime.reporting.static import LEAKS

WRITTEN = Path(__file__).parent / "written"
MODULES = ("sessions", "connections", "tasks")
MARK = re.compile(r"# (leaks, twin only|leaks|linter only: \w)")


def cases() -> Iterator[tuple[str, str]]:
    for module in MODULES:
        for node in ast.parse((WRITTEN / f"{module}.py").read_text()).body:
            is_case = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            if is_case and not node.name.startswith("_"):
                yield module, node.name


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Lay the cases where they are no tests, for the linter as for the watch."""
    folder = tmp_path_factory.mktemp("written") / "project"
    shutil.copytree(WRITTEN, folder)
    with contextlib.closing(sqlite3.connect(folder / "cases.db")) as connection:
        connection.execute("create table notes (text)")
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for name in {*MODULES, "database"} - before:
        sys.modules.pop(name, None)


def marked(path: Path, kind: str) -> set[int]:
    lines = path.read_text().splitlines()
    found = ((number, MARK.search(line)) for number, line in enumerate(lines, 1))
    return {number for number, mark in found if mark and mark[1].startswith(kind)}


def lines_of(path: Path, name: str) -> range:
    """Give the lines of a case, and of the class before it that only it uses."""
    body = ast.parse(path.read_text()).body
    index = next(n for n, node in enumerate(body) if getattr(node, "name", "") == name)
    first = body[index - 1] if isinstance(body[index - 1], ast.ClassDef) else body[index]
    return range(first.lineno, (body[index].end_lineno or 0) + 1)


def run(module: ModuleType, name: str) -> None:
    function = getattr(module, name)
    with contextlib.suppress(ValueError, sqlite3.OperationalError):
        if inspect.iscoroutinefunction(function):
            asyncio.run(function())
        else:
            function()


@pytest.mark.parametrize(("module", "name"), list(cases()))
@pytest.mark.filterwarnings("ignore")  # of what is left open on purpose
def test_exactly_the_leaks_at_their_lines(project: Path, module: str, name: str) -> None:
    with watch() as watching:
        run(importlib.import_module(module), name)
        leaks = watching.report().leaks
        gc.collect()
    path = project / f"{module}.py"
    lines = lines_of(path, name)
    named = [next(place.line for place in leak.places if place.file == str(path)) for leak in leaks]
    assert sorted(named) == sorted(marked(path, "leaks") & set(lines))


@pytest.mark.parametrize("module", MODULES)
def test_the_linter_agrees_or_the_difference_is_explained(project: Path, module: str) -> None:
    path = project / f"{module}.py"
    text = path.read_text()
    found = Linter(Settings()).check(str(path), text, ast.parse(text))
    lines = {violation.line for violation in found if violation.code in LEAKS}
    leaks = marked(path, "leaks") - marked(path, "leaks, twin only")
    assert lines == leaks | marked(path, "linter only")


def test_there_are_enough_of_them() -> None:
    assert len(list(cases())) >= 40
