"""Imports and uses of the names that a policy watches."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.names.dotted import imported_names, module_names
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.scopes import Imported, Scope, last_segment
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import (
    ClassValue,
    External,
    FunctionValue,
    ModuleValue,
    Value,
)
from flake8_dbsession.named_tuples import NamedTuple


class Reference(NamedTuple):
    """An import of a watched name, or a use of one that no import of the file names.

    Attributes:
        node: the import's alias, or the name or attribute that is used.
        name: the qualified name that it stands for, at or below a watched one.
    """

    node: ast.alias | ast.expr
    name: str


def references(tree: Tree, inference: Inference) -> Iterator[Reference]:
    """Find the imports and uses of the names that the vocabulary watches.

    Args:
        tree: the visited part of a file.
        inference: knows the vocabulary, and follows imports.

    Yields:
        The imports, one for each alias; then the uses of those names that no import named.
    """
    if inference.vocabulary.watched:
        yield from _Search(tree, inference).references()


class _Search:
    """One file's search for watched names."""

    def __init__(self, tree: Tree, inference: Inference) -> None:
        self._tree = tree
        self._inference = inference
        self._watched = inference.vocabulary.watched
        self._imported: set[str] = set()

    def references(self) -> Iterator[Reference]:
        """Give the references of the file."""
        for alias, how, scope in self._imports():
            name = self._first_watched(self._names_of_import(alias, how, scope), scope)
            if name is not None:
                self._imported.add(self._watched_part(name))
                yield Reference(alias, name)
        yield from self._uses()

    def _imports(self) -> Iterator[tuple[ast.alias, Imported, Scope]]:
        for statement, scope in self._tree.find(ast.Import):
            for alias in statement.names:
                yield alias, Imported(alias.name, None), scope
        for origin, scope in self._tree.find(ast.ImportFrom):
            for alias in origin.names:
                name = None if alias.name == "*" else alias.name
                yield alias, Imported(origin.module or "", name, origin.level), scope

    def _names_of_import(self, alias: ast.alias, how: Imported, scope: Scope) -> Iterator[str]:
        yield from imported_names(how, scope.module.path, self._inference.project.root)
        value = self._imported_value(alias, how, scope)
        yield from self._definition_names(value)
        if how.name and (value is None or isinstance(value, External)):
            yield how.name

    def _imported_value(self, alias: ast.alias, how: Imported, scope: Scope) -> Value | None:
        if how.name is None:
            project = self._inference.project
            module = project.find(scope.module.path, how.module, how.level)
            return ModuleValue(module.scope) if module else None
        bound = ast.Name(alias.asname or alias.name, ast.Load())
        return self._inference.value(bound, scope)

    def _uses(self) -> Iterator[Reference]:
        endings = {name.rpartition(".")[2] for name in self._watched}
        found: set[ast.AST] = set()
        for kind in (ast.Attribute, ast.Name):
            for node, scope in self._tree.find(kind):
                if last_segment(node) not in endings:
                    continue
                name = self._first_watched(self._names_of_use(node, scope), scope)
                if name is None or self._watched_part(name) in self._imported:
                    continue
                if self._tree.parent(node) not in found:
                    yield Reference(node, name)
                found.add(node)

    def _names_of_use(self, node: ast.expr, scope: Scope) -> Iterator[str]:
        """Give a use's qualified names; none for what hangs on a name that the file defines."""
        names = self._inference.names(node, scope)
        bindings = scope.lookup(names[0].partition(".")[0]) if names else []
        if not names or not all(isinstance(binding.how, Imported) for binding in bindings):
            return
        value = self._inference.value(node, scope)
        yield from self._definition_names(value)
        yield from names[1:]
        for statement in [] if bindings else scope.module.star_imports():
            yield f"{statement.module}.{names[0]}"
        if value is None or isinstance(value, External):
            yield names[0].rpartition(".")[2] if bindings else names[0]

    def _definition_names(self, value: Value | None) -> Iterator[str]:
        """Give the qualified names of a module, class or function of the project."""
        root = self._inference.project.root
        match value:
            case ModuleValue(scope=scope):
                yield from module_names(scope.module.path, root)
            case ClassValue(node=node, scope=scope) | FunctionValue(node=node, scope=scope):
                name = getattr(node, "name", "")
                for module in module_names(scope.module.path, root):
                    yield f"{module}.{name}"

    def _first_watched(self, names: Iterator[str], scope: Scope) -> str | None:
        """Choose the first name that is watched, unless this file is what is watched."""
        for name in names:
            watched = self._watched_part(name)
            if watched and not self._lies_below(watched, scope.module):
                return name
        return None

    def _lies_below(self, watched: str, module: Module) -> bool:
        own = module_names(module.path, self._inference.project.root)
        return any(f"{name}.".startswith(f"{watched}.") for name in own)

    def _watched_part(self, name: str) -> str:
        """Give the longest watched name that a name is or lies below; empty for none."""
        fitting = [watched for watched in self._watched if f"{name}.".startswith(f"{watched}.")]
        return max(fitting, key=len, default="")
