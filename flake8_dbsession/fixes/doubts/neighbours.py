"""The other files of a project, as far as they name something of the file under repair."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from flake8_dbsession.analysis.names.project import Project, decode
from flake8_dbsession.analysis.nodes import dotted_name
from flake8_dbsession.analysis.source.outline import parse
from flake8_dbsession.checking.files.discovery import discover
from flake8_dbsession.reading import Sources


class Neighbours:
    """The files of a project, read at most once for each name that is asked for.

    Args:
        root: the project's folder.
        sources: where the files are read.
    """

    def __init__(self, root: Path, sources: Sources) -> None:
        self._root = root
        self._sources = sources
        self._naming: dict[str, list[Path]] = {}
        self._readers: dict[tuple[str, Path], Path | None] = {}

    def naming(self, name: str) -> list[Path]:
        """Give the files whose text has a name in it."""
        if name not in self._naming:
            word = name.encode()
            self._naming[name] = [p for p in self._files if word in read(p, self._sources)]
        return self._naming[name]

    def reader(self, name: str, home: Path, project: Project) -> Path | None:
        """Find another file that takes a name from a module.

        Args:
            name: the name.
            home: the module's file.
            project: follows imports.

        Returns:
            The first file that imports it from there or reads it as the module's attribute; None
            where there is none. Tests that patch it are held against the fix by themselves.
        """
        key = (name, home)
        if key not in self._readers:
            others = (path for path in self.naming(name) if path != home)
            found = (path for path in others if _reads(path, name, home, project))
            self._readers[key] = next(found, None)
        return self._readers[key]

    @cached_property
    def _files(self) -> list[Path]:
        if not self._root.is_dir():  # what an editor holds need not be on disk yet
            return []
        return [Path(path) for path in discover([str(self._root)], ())]


def read(path: Path, sources: Sources) -> bytes:
    """Give a file's bytes; none for one that cannot be read."""
    try:
        return sources.read(path)
    except OSError:
        return b""


def module_word(path: Path) -> str:
    """Give the last part of the name by which a module is imported."""
    return path.parent.name if path.stem == "__init__" else path.stem


def is_module(path: Path, name: str) -> bool:
    """Tell whether a file may be the module of a name: whether its path ends with it."""
    parts = (*path.parts[:-1], *(() if path.stem == "__init__" else (path.stem,)))
    wanted = tuple(name.split("."))
    return parts[-len(wanted) :] == wanted


def _reads(path: Path, name: str, home: Path, project: Project) -> bool:
    text = decode(read(path, project.sources)) or ""
    if not re.search(rf"\b{re.escape(module_word(home))}\b", text) and home.parent != path.parent:
        return False
    tree = parse(text)
    return tree is not None and any(_uses(tree, path, name, home, project))


def _uses(tree: ast.Module, path: Path, name: str, home: Path, project: Project) -> Iterator[bool]:
    nodes = list(ast.walk(tree))
    aliases = set(_names_of(home, nodes, path, project))
    for node in nodes:
        match node:
            case ast.ImportFrom(names=imported, module=module, level=level):
                if any(alias.name in (name, "*") for alias in imported):
                    yield _is_at(project, path, module or "", level, home)
            case ast.Attribute(value=base, attr=found) if found == name:
                yield dotted_name(base) in aliases


def _names_of(home: Path, nodes: list[ast.AST], path: Path, project: Project) -> Iterator[str]:
    """Give the names by which a file has a module."""
    for node in nodes:
        match node:
            case ast.Import(names=imported):
                for alias in imported:
                    if _is_at(project, path, alias.name, 0, home):
                        yield alias.asname or alias.name
            case ast.ImportFrom(names=imported, module=package, level=level):
                for alias in imported:
                    dotted = f"{package}.{alias.name}" if package else alias.name
                    if _is_at(project, path, dotted, level, home):
                        yield alias.asname or alias.name


def _is_at(project: Project, importer: Path, dotted: str, level: int, home: Path) -> bool:
    module = project.find(importer, dotted, level)
    return module is not None and module.path == home
