"""The other files of a project, as far as they name something of the file under repair."""

from __future__ import annotations

import ast
from functools import cached_property
from pathlib import Path

from flake8_dbsession.analysis.names.project import Project, decode
from flake8_dbsession.analysis.nodes import dotted_name, nodes_in
from flake8_dbsession.analysis.source.outline import parse
from flake8_dbsession.checking.files.discovery import discover
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.reading import Sources


class _Taken(NamedTuple):
    """What a file takes from other modules.

    Attributes:
        imports: what it imports: a package, how many dots stand before that, a name of it, and by
            which name the file has it.
        owners: the dotted names of what it reads some attribute of.
    """

    imports: tuple[tuple[str, int, str, str], ...]
    owners: frozenset[str]


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
        self._taken: dict[tuple[str, Path], _Taken] = {}

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
            found = (path for path in others if self._reads(path, name, home, project))
            self._readers[key] = next(found, None)
        return self._readers[key]

    def _reads(self, path: Path, name: str, home: Path, project: Project) -> bool:
        word = module_word(home)
        may_be_unnamed = home.stem == "__init__" and home.parent == path.parent  # `from . import`
        if not may_be_unnamed and word.encode() not in read(path, self._sources):
            return False
        if (name, path) not in self._taken:
            self._taken[name, path] = _taken(name, read(path, self._sources))
        taken = self._taken[name, path]
        for package, level, imported, _ in taken.imports:
            if imported in (name, "*") and _is_at(project, path, package, level, home):
                return True
        return any(
            bound in taken.owners
            for package, level, imported, bound in taken.imports
            if (imported or package.rpartition(".")[2]) == word
            and _is_at(project, path, _dotted(package, imported), level, home)
        )

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


def _taken(name: str, content: bytes) -> _Taken:
    """Read what a file takes, and of which it reads an attribute of some name."""
    imports: list[tuple[str, int, str, str]] = []
    owners = set()
    for node in nodes_in(parse(decode(content) or "") or ast.Module([], [])):
        match node:
            case ast.Import(names=aliases):
                imports += ((each.name, 0, "", each.asname or each.name) for each in aliases)
            case ast.ImportFrom(module=package, level=level, names=aliases):
                imports += ((package or "", level, n.name, n.asname or n.name) for n in aliases)
            case ast.Attribute(value=base, attr=attribute) if attribute == name:
                owners.add(dotted_name(base))
    return _Taken(tuple(imports), frozenset(owners))


def _dotted(package: str, name: str) -> str:
    return f"{package}.{name}" if package and name else package or name


def _is_at(project: Project, importer: Path, dotted: str, level: int, home: Path) -> bool:
    module = project.find(importer, dotted, level)
    return module is not None and module.path == home
