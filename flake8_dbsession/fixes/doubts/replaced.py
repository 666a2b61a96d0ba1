"""What a test names of a module only to replace it, so that it runs no code of that."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Set
from pathlib import Path

from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.nodes import dotted_name, nodes_in, own_nodes
from flake8_dbsession.fixes.doubts.during import words_of
from flake8_dbsession.fixes.doubts.neighbours import is_module
from flake8_dbsession.fixes.doubts.patches import HOLE, Patch
from flake8_dbsession.fixes.doubts.reach import Names
from flake8_dbsession.fixes.doubts.values import MOCKS, Function
from flake8_dbsession.named_tuples import NamedTuple

_PREPARES = MOCKS | {"SimpleNamespace", "setattr"}
_PLAIN = (ast.Assign, ast.Expr, ast.Import, ast.ImportFrom)


class Used(NamedTuple):
    """A place where code uses something of another module.

    Attributes:
        name: its name there; empty where that is not known.
        attribute: the attribute of it that is read; empty for itself.
        run_by: the names one of which stands wherever that is run; None for any.
    """

    name: str
    attribute: str
    run_by: Names

    def is_of(self, replaced: Set[str]) -> bool:
        """Tell whether what is used is among what is replaced."""
        return self.name in replaced or f"{self.name}.{self.attribute}" in replaced


def is_among(names: Names, words: Set[str]) -> bool:
    """Tell whether one of the names by which code is run stands among some words."""
    return names is None or not names.isdisjoint(words)


def words_beside(nodes: Iterable[ast.AST], patches: Iterable[Patch]) -> frozenset[str]:
    """Give the words of a test, without what names what it replaces, and without its imports.

    Args:
        nodes: the code that runs for the test.
        patches: the patches in it.
    """
    named = [part for patch in patches for part in (patch.target, patch.owner) if part is not None]
    left_out = {node for part in named for node in nodes_in(part)}
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.arg):
            found.add(node.arg)
        elif node not in left_out and not isinstance(node, ast.alias):
            found |= words_of(node)
    return frozenset(found)


def prepared_until(test: Function) -> int:
    """Give the last line of the statements by which a test begins, and that run nothing yet."""
    last = test.lineno
    for statement in test.body:
        calls = (node for node in own_nodes(statement) if isinstance(node, ast.Call))
        if not isinstance(statement, _PLAIN) or any(
            last_segment(call.func) not in _PREPARES for call in calls
        ):
            break
        last = statement.end_lineno or last
    return last


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


def replaced_in(module: Path, held: Iterable[Patch], imports: Mapping[str, str]) -> set[str]:
    """Give the names of a module that are replaced, and such as ``name.attribute``.

    Args:
        module: its file.
        held: the patches that hold.
        imports: the dotted names of what is imported, by the names that it has in the test.
    """
    found = set()
    for patch in held:
        parts = _target(patch, imports).split(".")
        homes = (end for end in range(1, len(parts)) if is_module(module, ".".join(parts[:end])))
        found |= {".".join(parts[end:]) for end in homes}
    return found


def _target(patch: Patch, imports: Mapping[str, str]) -> str:
    if patch.module != HOLE or patch.owner is None:
        return f"{patch.module}.{patch.name}"
    first, *rest = dotted_name(patch.owner).split(".")
    return ".".join([imports.get(first, first), *rest, patch.name])
