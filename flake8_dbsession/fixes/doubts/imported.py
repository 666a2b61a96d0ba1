"""What a test's file imports, and by which names it has that."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence, Set
from functools import cached_property
from pathlib import Path

from flake8_dbsession.analysis.effects.work.forms import root_name
from flake8_dbsession.fixes.doubts.neighbours import is_module, module_word


class Imported:
    """The imports of a test's file.

    Args:
        nodes: the nodes of its syntax tree.
    """

    def __init__(self, nodes: Sequence[ast.AST]) -> None:
        self._nodes = nodes
        self._names: dict[Path, set[str]] = {}

    def names_of(self, module: Path) -> set[str]:
        """Give the names by which the file has a module, or something of it."""
        if module not in self._names:
            imports = self._imports.get(module_word(module), ())
            self._names[module] = {name for dotted, name in imports if is_module(module, dotted)}
        return self._names[module]

    def names_of_others(self, module: Path) -> set[str]:
        """Give the names by which the file has what is no part of a module."""
        return set(self.homes) - self.names_of(module)

    def reads(self, name: str, module: Path) -> bool:
        """Tell whether the file itself may read a name of a module, patched or not."""
        is_imported = name in self.names_of(module)
        return is_imported or not self._owners.get(name, set()) <= self.names_of_others(module)

    @cached_property
    def homes(self) -> dict[str, str]:
        """The names of what it imports, with the dotted names of these."""
        known = (each for imports in self._imports.values() for each in imports)
        return {name: dotted for dotted, name in sorted(known)}

    def with_others(self, names: Set[str]) -> frozenset[str]:
        """Add to some names the other ones by which the file imports what they stand for."""
        return frozenset(names).union(*(self.renamed.get(name, ()) for name in names))

    @cached_property
    def renamed(self) -> dict[str, set[str]]:
        """The other names by which it imports something, by its names."""
        found: dict[str, set[str]] = {}
        for alias in (node for node in self._nodes if isinstance(node, ast.alias)):
            if alias.asname:
                found.setdefault(alias.name, set()).add(alias.asname)
        return found

    @cached_property
    def _owners(self) -> dict[str, set[str]]:
        """The names by which attributes are read, by the attributes."""
        found: dict[str, set[str]] = {}
        for node in self._nodes:
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                found.setdefault(node.attr, set()).add(root_name(node.value))
        return found

    @cached_property
    def _imports(self) -> dict[str, list[tuple[str, str]]]:
        """What it imports, and the names for that, by the last part of the dotted name."""
        found: dict[str, list[tuple[str, str]]] = {}
        for dotted, name in _imported(self._nodes):
            found.setdefault(dotted.rpartition(".")[2], []).append((dotted, name))
        return found

    def can_have(self, dotted: str, words: Set[str]) -> bool:
        """Tell whether something can be imported by its own name into the file.

        Args:
            dotted: its dotted name.
            words: all words of the file.
        """
        name = dotted.rpartition(".")[2]
        return name not in words or (dotted, name) in self._imports.get(name, ())


def _imported(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    """Give the dotted names of what is imported, and the names for that."""
    for node in nodes:
        match node:
            case ast.Import(names=aliases):
                for alias in aliases:
                    yield alias.name, alias.asname or alias.name.partition(".")[0]
            case ast.ImportFrom(module=package, names=aliases):
                for alias in aliases:
                    for dotted in (package or "", f"{package}.{alias.name}"):
                        yield dotted, alias.asname or alias.name
