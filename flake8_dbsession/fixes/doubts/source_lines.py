"""Tests that go through the lines of a source, and do something at those that have some text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from functools import cached_property

from flake8_dbsession.analysis.nodes import names, nodes_in
from flake8_dbsession.named_tuples import NamedTuple


class Loop(NamedTuple):
    """A loop over the lines of a text that does nothing at a line without some texts.

    Attributes:
        inside: its nodes.
        pattern: the regular expression of what a line has, its indentation left out, at which the
            loop may do something.
    """

    inside: frozenset[ast.AST]
    pattern: str


def loops_over_lines(nodes: Sequence[ast.AST]) -> Iterator[Loop]:
    """Find the loops that do the same for lines that only lie elsewhere, and deeper or less deep.

    Args:
        nodes: the code of a function, all of it.
    """
    for node in nodes:
        if isinstance(node, ast.For) and not node.orelse:
            found = _Body(node, nodes)
            if found.is_known():
                yield Loop(frozenset(found.inside), "|".join(found.patterns))


class _Body:
    """The body of a loop.

    Args:
        loop: the loop.
        nodes: the code around it.
    """

    def __init__(self, loop: ast.For, nodes: Sequence[ast.AST]) -> None:
        self._loop = loop
        self._line, self._number = _targets(loop)
        self.inside = frozenset(nodes_in(loop))
        self._bare: set[str] = set()  # the names of the line without its indentation
        self._understood = set(nodes_in(loop.iter))
        self.patterns: list[str] = []
        self._outside = [node for node in nodes if node not in self.inside]

    def is_known(self) -> bool:
        """Tell whether nothing of it depends on other lines, nor on where a line lies."""
        if not self._line or not self._is_idle() or not self.patterns:
            return False
        for node in self.inside:
            if isinstance(node, ast.expr) and self._sought_by(node):
                self._understood.update(nodes_in(node))
        bound = {self._line, self._number, *self._bare}
        is_read_later = any(isinstance(n, ast.Name) and n.id in bound for n in self._outside)
        return not is_read_later and all(map(self._is_harmless, self.inside))

    def _is_idle(self) -> bool:
        """Tell whether nothing is done at a line that has none of the texts."""
        for statement in self._loop.body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if self._is_bare(value):
                    if self._is_bound_again(name):
                        return False
                    self._bare.add(name)
                    self._understood.update(nodes_in(value))
                case ast.If(test=test, body=then, orelse=[]):
                    outcome = self._without(test)
                    if outcome is not False:
                        return outcome is True and isinstance(then[0], ast.Continue)
                case _:
                    return False
        return True

    def _is_bound_again(self, name: str) -> bool:
        uses = (n for n in self.inside if isinstance(n, ast.Name) and n.id == name)
        return sum(isinstance(each.ctx, ast.Store) for each in uses) > 1

    def _without(self, test: ast.expr) -> bool | None:
        """Tell how a condition turns out at a line that has none of the texts; None: unknown."""
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                outcome = self._without(inner)
                return None if outcome is None else not outcome
            case ast.BoolOp(op=operator, values=values):
                outcomes = [self._without(each) for each in values]
                settles = isinstance(operator, ast.Or)
                if settles in outcomes:
                    return settles
                return None if None in outcomes else not settles
        pattern = self._sought_by(test)
        if not pattern:
            return None
        self.patterns.append(pattern)
        return False

    def _sought_by(self, test: ast.expr) -> str:
        """Give the pattern of what a condition looks for in the line; empty for another one."""
        match test:
            case ast.Compare(
                left=ast.Constant(value=str(text)), ops=[ast.In()], comparators=[where]
            ) if self._is_line(where):
                return re.escape(text) if text == text.strip() else ""
            case ast.Call(
                func=ast.Attribute(value=where, attr="startswith"),
                args=[ast.Constant(value=str(text))],
            ) if text and self._is_bare(where):
                return f"^{re.escape(text)}" if text == text.strip() else ""
        return ""

    def _is_line(self, node: ast.expr) -> bool:
        return self._is_bare(node) or (isinstance(node, ast.Name) and node.id == self._line)

    def _is_bare(self, node: ast.expr) -> bool:
        match node:
            case ast.Name(id=name):
                return name in self._bare
            case ast.Call(func=ast.Attribute(value=where, attr="lstrip" | "strip"), args=[]):
                return self._is_line(where)
        return False

    def _is_harmless(self, node: ast.AST) -> bool:
        """Tell whether a node does not read the whole text, nor a line but for its texts."""
        if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
            return True
        if node in self._understood or node in self._noted:
            return True
        is_source = names(self._loop.iter, node.id)
        return node.id not in (self._line, self._number) and not is_source

    @cached_property
    def _noted(self) -> set[ast.AST]:
        """Give the nodes of what is added to lists that are only asked whether they are empty."""
        found: set[ast.AST] = set()
        for node in self.inside:
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[given]
                ) if self._is_only_empty_or_not(name):
                    found.update(nodes_in(given))
        return found

    def _is_only_empty_or_not(self, name: str) -> bool:
        asked: set[ast.AST] = set()
        for node in self._outside:
            match node:
                case ast.UnaryOp(op=ast.Not(), operand=inner):
                    asked.add(inner)
                case ast.Assert(msg=message) if message is not None:
                    asked.update(nodes_in(message))
        return not any(
            isinstance(node, ast.Name) and node.id == name and node not in asked
            for node in self._outside
            if isinstance(getattr(node, "ctx", None), ast.Load)
        )


def _targets(loop: ast.For) -> tuple[str, str]:
    """Give a loop's names of a line and of its number; empty for those that it has not."""
    match loop:
        case ast.For(
            target=ast.Tuple(elts=[ast.Name(id=number), ast.Name(id=line)]),
            iter=ast.Call(func=ast.Name(id="enumerate"), args=[lines, *_]),
        ) if _are_lines(lines):
            return line, number
        case ast.For(target=ast.Name(id=line), iter=lines) if _are_lines(lines):
            return line, ""
    return "", ""


def _are_lines(value: ast.expr) -> bool:
    match value:
        case ast.Call(func=ast.Attribute(value=ast.Name(), attr="splitlines"), args=[]):
            return True
        case ast.Call(
            func=ast.Attribute(value=ast.Name(), attr="split"), args=[ast.Constant(value="\n")]
        ):
            return True
    return False
