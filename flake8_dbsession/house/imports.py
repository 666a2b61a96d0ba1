"""What a file imports from modules of its project, and how it writes their names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property

from flake8_dbsession.analysis.file import SourceFile
from flake8_dbsession.analysis.names.dotted import module_names
from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.house.model import AT_HAND, Reach
from flake8_dbsession.named_tuples import NamedTuple


class _Import(NamedTuple):
    """A name that a file imports: what it is called there, its module, and its name in that."""

    bound: str
    dotted: str
    module: Module
    name: str


class Imports:
    """What a file imports from modules of the project at its top level."""

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self._project = file.inference.project

    @cached_property
    def _all(self) -> list[_Import]:
        tree = self._file.module.tree
        return [each for statement in (tree.body if tree else []) for each in self._of(statement)]

    def modules(self) -> dict[str, Module]:
        """Give the modules from which something is imported, by the name of each."""
        found: dict[str, Module] = {}
        for each in self._all:
            if each.module not in found.values():
                found[each.dotted] = each.module
        return found

    def names(self) -> list[str]:
        """Give the names that are bound."""
        return [each.bound for each in self._all if each.name]

    def bound(self, module: Module, name: str) -> str:
        """Tell what the file calls a name that it imports; empty for one that it does not."""
        found = (each.bound for each in self._all if each.module is module and each.name == name)
        return next(found, "")

    def spelling(self, dotted: str, expression: str) -> tuple[str, Reach]:
        """Tell how the file writes an expression of a module, and what it has to import for it."""
        first, dot, rest = expression.partition(".")
        path = self._file.path
        module = self._project.find(path, dotted)
        for each in self._all:
            is_module = module is not None and each.module is module
            if is_module and each.name == first:
                return f"{each.bound}{dot}{rest}", AT_HAND
            if is_module and not each.name and each.bound:
                return f"{each.bound}.{expression}", AT_HAND
        return expression, Reach(module=dotted)

    def _of(self, statement: ast.stmt) -> Iterator[_Import]:
        path = self._file.path
        match statement:
            case ast.Import(names=aliases):
                for alias in aliases:
                    module = self._project.find(path, alias.name)
                    if module is not None:
                        yield _Import(alias.asname or alias.name, alias.name, module, "")
            case ast.ImportFrom(module=dotted, names=aliases, level=level):
                module = self._project.find(path, dotted or "", level)
                if module is None:
                    return
                name = self._name_of(module) if level else dotted or ""
                for alias in aliases:
                    inner = self._file.inference.submodule(module, alias.name)
                    bound = alias.asname or alias.name
                    if inner is not None:
                        yield _Import(bound, f"{name}.{alias.name}", inner, "")
                    else:
                        yield _Import(bound, name, module, alias.name)

    def _name_of(self, module: Module) -> str:
        return next(iter(module_names(module.path, self._project.root)), "")
