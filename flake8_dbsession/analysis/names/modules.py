"""A module of the project: one that is linted, or one that an import leads to."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from flake8_dbsession.analysis.names.scopes import (
    Binding,
    Defined,
    Scope,
    statement_bindings,
    statements,
    table,
)
from flake8_dbsession.analysis.source.mentions import Mentions
from flake8_dbsession.analysis.source.outline import Outline


class Module:
    """A module's text and the names that it binds.

    Args:
        around: the scope in which its names are looked up after its own; None for its own alone.

    Attributes:
        path: the file; the folder itself for a package without ``__init__.py``.
        text: its source.
        tree: the whole syntax tree of a linted file; None for a followed one.
        scope: the scope of its top level.
        holds_walrus: tells whether a ``:=`` may stand in a statement; None where none does in any.
    """

    def __init__(
        self,
        path: Path,
        text: str,
        tree: ast.Module | None = None,
        around: Scope | None = None,
    ) -> None:
        self.path = path
        self.text = text
        self.scope = Scope(tree or ast.Module(body=[], type_ignores=[]), around, self)
        self._has_globals = " global " in text
        self._bindings: dict[str, list[Binding]] = {}
        self._complete = False
        self._hold(tree)

    def forget_tree(self) -> None:
        """Let the tree go, and be a module that is only followed.

        What refers to itself waits for Python's garbage collector, which looks at each node of a
        tree; what does not is gone at once.
        """
        self.scope.forget()
        self.scope.node = ast.Module(body=[], type_ignores=[])
        self._bindings, self._complete = {}, False
        self._hold(None)

    def bindings(self, name: str) -> list[Binding]:
        """Give every way in which a name is bound at the top level, or by ``global`` in a function.

        Args:
            name: an identifier.

        Returns:
            The bindings, in the order of the text. Those before a function or class of that name
            are left out: it takes their place.
        """
        if self._outline is None:
            if not self._complete:
                self._complete = True
                assert self.tree is not None
                self._bindings = {
                    each: _standing(found) for each, found in self._table(self.tree.body).items()
                }
            return self._bindings.get(name, [])
        if name not in self._bindings:
            found = self._table(self._outline.statements(name)).get(name, [])
            self._bindings[name] = _standing(found)
        return self._bindings[name]

    @cached_property
    def lines(self) -> list[str]:
        """The lines of its source, without their ends."""
        return self.text.split("\n")

    @cached_property
    def _is_starred(self) -> bool:
        return "import *" in self.text

    def star_imports(self) -> list[ast.ImportFrom]:
        """Give the ``from module import *`` statements of the top level."""
        if not self._is_starred:
            return []
        if self._outline is not None:
            body = self._outline.star_imports()
        else:
            assert self.tree is not None
            body = self.tree.body
        return [
            statement
            for statement in statements(body)
            if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*"
        ]

    def statements_with(self, text: str) -> list[ast.stmt]:
        """Give the top-level statements in which a text stands; more where that is cheaper."""
        if self._outline is not None:
            return self._outline.statements_with(text)
        assert self.tree is not None
        return self.tree.body if text in self.text else []

    def class_body(self, node: ast.AST) -> Outline | None:
        """Give the outline of a followed module's long class; None for any other class."""
        if self._outline is None or not isinstance(node, ast.ClassDef):
            return None
        return self._outline.class_bodies.get(node)

    def definitions(self, *words: str) -> list[str]:
        """Give the names that the top-level statements bind in which any of some words stands.

        Args:
            words: what to look for; none for all names.

        Returns:
            The names of functions, classes and of what is assigned.
        """
        if self._outline is not None:
            return self._outline.definitions(*words)
        assert self.tree is not None
        mentions = Mentions(self.text, words)
        names: list[str] = []
        for statement in statements(self.tree.body):
            last = statement.end_lineno or statement.lineno
            if words and not mentions.within(statement.lineno, last):
                continue
            match statement:
                case (
                    ast.FunctionDef(name=name)
                    | ast.AsyncFunctionDef(name=name)
                    | ast.ClassDef(name=name)
                    | ast.Assign(targets=[ast.Name(id=name)])
                    | ast.AnnAssign(target=ast.Name(id=name))
                ):
                    names.append(name)
        return names

    def answers_to(self, dotted: str) -> bool:
        """Tell whether a dotted module name can mean this module.

        Args:
            dotted: a module's name as some source root sees it, such as ``core.database``.

        Returns:
            True where the file's path ends so.
        """
        path = self.path.parent if self.path.name == "__init__.py" else self.path.with_suffix("")
        segments = dotted.split(".")
        return list(path.parts[-len(segments) :]) == segments

    def _hold(self, tree: ast.Module | None) -> None:
        self.tree = tree
        self.holds_walrus = self._find_walruses() if ":=" in self.text else None
        self._outline = None if tree else Outline(self.text)

    def _find_walruses(self) -> Callable[[ast.stmt], bool]:
        if self.tree is None:  # of which the parts are parsed alone, and have their own lines
            return lambda _statement: True
        lines = Mentions(self.text, (":=",))
        return lambda s: lines.within(s.lineno, s.end_lineno or s.lineno)

    def _table(self, body: list[ast.stmt]) -> dict[str, list[Binding]]:
        found = table(statement_bindings(body, walrus=self.holds_walrus), self.scope)
        if self._has_globals:
            for statement in statements(body):
                if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                    self._add_globals(statement, self.scope, found)
        return found

    def _add_globals(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
        parent: Scope,
        found: dict[str, list[Binding]],
    ) -> None:
        scope = parent.child(node)
        for statement in statements(node.body):
            if isinstance(statement, ast.Global):
                for name in statement.names:
                    found.setdefault(name, []).extend(scope.bindings(name))
            elif isinstance(statement, ast.ClassDef) or (
                isinstance(node, ast.ClassDef)
                and isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef))
            ):
                self._add_globals(statement, scope, found)


def _standing(bindings: list[Binding]) -> list[Binding]:
    """Leave out what comes before the last definition that runs whenever the module does."""
    for index in range(len(bindings) - 1, 0, -1):
        how = bindings[index].how
        if isinstance(how, Defined) and how.node.col_offset == 0:
            return bindings[index:]
    return bindings
