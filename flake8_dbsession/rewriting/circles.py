"""Whether a new import at the top of a file could go round in a circle."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.project import Project
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.analysis.source.outline import parse


def leads_back(module: Module, home: Path, project: Project, begun: Collection[Path] = ()) -> bool:
    """Tell whether a file is imported, at once or in the end, by a module that it would import.

    Args:
        module: the module.
        home: the file.
        project: finds what is imported; what functions import waits until they are called.
        begun: modules that are loaded before the file is, as its packages are.
    """
    seen = set(begun)
    pending = [module]
    while pending:
        current = pending.pop()
        if current.path == home:
            return True
        if current.path not in seen:
            seen.add(current.path)
            pending += filter(None, _imported_by(current, project))
    return False


def packages_of(file: Path) -> list[Path]:
    """Give the modules of the packages that a file lies in."""
    return [folder / "__init__.py" for folder in file.parents]


def _imported_by(module: Module, project: Project) -> Iterator[Module | None]:
    """Give the modules that are loaded with a module, their packages included."""
    tree = parse(module.text)
    for node in own_nodes(tree) if tree is not None else ():
        match node:
            case ast.Import(names=aliases):
                for alias in aliases:
                    yield from _found(alias.name, 0, module, project)
            case ast.ImportFrom(module=dotted, names=aliases, level=level):
                *packages, found = _found(dotted or "", level, module, project)
                yield from (*packages, found)
                if found is not None:
                    yield from (project.submodule(found, alias.name) for alias in aliases)


def _found(dotted: str, level: int, module: Module, project: Project) -> Iterator[Module | None]:
    parts = dotted.split(".")
    for end in range(1, len(parts) + 1):
        yield project.find(module.path, ".".join(parts[:end]), level)
