"""Who else in a project uses a function, where a fix would change what it gives."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from flake8_dbsession.analysis.library.frameworks import INJECTORS
from flake8_dbsession.analysis.names.project import Project, decode
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, last_segment
from flake8_dbsession.analysis.source.outline import parse
from flake8_dbsession.checking.files.discovery import discover
from flake8_dbsession.named_tuples import NamedTuple


class Use(NamedTuple):
    """A place that uses a function by its name.

    Attributes:
        path: the file.
        line: the line.
    """

    path: Path
    line: int


def uses_but_injections(name: str, home: Path, project: Project) -> Use | None:
    """Find a use of a function that is not its injection.

    Args:
        name: the function's name.
        home: the file that defines it.
        project: the project.

    Returns:
        The first place where its name is read, but in ``Depends(name)`` and where a test overrides
        it; a file that defines a function of that name itself is not meant. None where there is
        none.
    """
    for path in (home, *map(Path, discover([str(project.root)], ()))):
        try:
            text = decode(project.sources.read(path)) or ""
        except OSError:
            continue
        tree = parse(text) if name in text else None
        if tree is not None and (path.samefile(home) or not _defines(tree, name)):
            line = next(_lines(tree, name), None)
            if line is not None:
                return Use(path, line)
    return None


def _defines(tree: ast.Module, name: str) -> bool:
    return any(isinstance(s, FUNCTIONS) and s.name == name for s in tree.body)


def _lines(tree: ast.Module, name: str) -> Iterator[int]:
    injected: set[ast.AST] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=function, args=[handed, *_]):
                if last_segment(function) in INJECTORS:
                    injected.add(handed)
            case ast.Subscript(value=ast.Attribute(attr="dependency_overrides"), slice=key):
                injected.add(key)
            case ast.Call(func=function, keywords=keywords):
                if last_segment(function) in INJECTORS:
                    injected |= {k.value for k in keywords if k.arg == "dependency"}
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=found, ctx=ast.Load()) | ast.Attribute(attr=found, ctx=ast.Load()):
                if found == name and node not in injected:
                    yield node.lineno
