"""What a test names of a module only to replace it, so that it runs no code of that."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Set
from pathlib import Path

from flake8_dbsession.analysis.nodes import dotted_name, own_nodes
from flake8_dbsession.fixes.doubts.during import words_of
from flake8_dbsession.fixes.doubts.neighbours import is_module
from flake8_dbsession.fixes.doubts.patches import HOLE, Patch
from flake8_dbsession.fixes.doubts.reach import Runners
from flake8_dbsession.fixes.doubts.values import Function
from flake8_dbsession.named_tuples import NamedTuple


class Used(NamedTuple):
    """A place where code uses something of another module.

    Attributes:
        name: its name there; empty where that is not known.
        attribute: the attribute of it that is read; empty for itself.
        run_by: what stands wherever that is run.
        is_late: whether the module is imported only then.
    """

    name: str
    attribute: str
    run_by: Runners
    is_late: bool

    def is_of(self, replaced: Set[str]) -> bool:
        """Tell whether what is used is among what is replaced."""
        if "*" in replaced and self.is_late:
            return True
        return self.name in replaced or f"{self.name}.{self.attribute}" in replaced


def words_beside(nodes: Iterable[ast.AST], left_out: Set[ast.AST]) -> frozenset[str]:
    """Give the words of a test, without what names what it replaces, and without its imports.

    Args:
        nodes: the code that runs for the test.
        left_out: what names what it replaces.
    """
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.arg):
            found.add(node.arg)
        elif node not in left_out and not isinstance(node, ast.alias):
            found |= words_of(node)
    return frozenset(found)


def holds_for_users(fixture: Function, line: int) -> bool:
    """Tell whether a patch in a fixture holds for the tests that use it.

    Args:
        fixture: the fixture.
        line: the line of the patch.

    Returns:
        False where the patch is of a ``with`` block that ends before the fixture yields.
    """
    blocks = (n for n in own_nodes(fixture) if isinstance(n, (ast.With, ast.AsyncWith)))
    around = (b for b in blocks if b.lineno <= line < b.body[0].lineno)
    return all(any(isinstance(n, ast.Yield) for n in own_nodes(block)) for block in around)


def replaced_in(module: Path, patch: Patch, imports: Mapping[str, str]) -> set[str]:
    """Give the names of a module that a patch replaces, such as ``name.attribute``; ``*`` for all.

    Args:
        module: its file.
        patch: the patch.
        imports: the dotted names of what is imported, by the names that it has in the test.
    """
    parts = _target(patch, imports).split(".")
    homes = (end for end in range(1, len(parts)) if is_module(module, ".".join(parts[:end])))
    return {".".join(parts[end:]) for end in homes}


def _target(patch: Patch, imports: Mapping[str, str]) -> str:
    if patch.module != HOLE or patch.owner is None:
        return f"{patch.module}.{patch.name}"
    first, *rest = dotted_name(patch.owner).split(".")
    return ".".join([imports.get(first, first), *rest, patch.name])
