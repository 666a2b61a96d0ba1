"""Tests that look for something in the source of what they test."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence

from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.nodes import dotted_name, nodes_in
from flake8_dbsession.fixes.doubts.source_lines import loops_over_lines
from flake8_dbsession.named_tuples import NamedTuple

READER = "getsource"
"""The function of the standard library's ``inspect`` that gives a source."""

_SEARCHES = frozenset({"count", "find", "index", "replace", "rfind", "split", "startswith"})
_MATCHES = frozenset({"findall", "finditer", "match", "search", "sub"})


class Look(NamedTuple):
    """What a test looks for in a source.

    Attributes:
        subject: the dotted name of what it has the source of, as the test writes it.
        pattern: the regular expression, or the escaped text.
        by_line: whether it goes through the lines, to do something at those that have it.
    """

    subject: str
    pattern: str
    by_line: bool = False

    def differs(self, before: str, after: str) -> bool:
        """Tell whether it finds more or less in a module's text after a fix than before."""
        try:
            if self._found(before) == self._found(after):
                return False
        except re.error:
            return True
        name = self.subject.rpartition(".")[2]
        old, new = _definition(name, before), _definition(name, after)
        if old is None or new is None:
            return True
        return self._found(old) != self._found(new)

    def _found(self, text: str) -> object:
        if not self.by_line:
            return len(re.findall(self.pattern, text))
        lines = map(str.strip, text.split("\n"))
        return [line for line in lines if re.search(self.pattern, line)]


def looks_in(nodes: Sequence[ast.AST], helpers: Iterable[Sequence[ast.AST]] = ()) -> Iterator[Look]:
    """Find what the code of a test looks for in the sources that it reads.

    Args:
        nodes: that code.
        helpers: the code of each function that it may hand them.
    """
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    subjects = {
        dotted_name(call.args[0])
        for call in calls
        if last_segment(call.func) == READER and call.args
    }
    for part in (nodes, *helpers):
        loops = list(loops_over_lines(part))
        others = set(part).difference(_unread(part), *(loop.inside for loop in loops))
        for subject in subjects:
            yield from (Look(subject, loop.pattern, by_line=True) for loop in loops)
            yield from (Look(subject, pattern) for pattern in _patterns(others))


def _unread(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Give the nodes of values to which a name is given that nothing reads."""
    loads = (n for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))
    read = {load.id for load in loads}
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name not in read:
                yield from nodes_in(value)


def _patterns(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.Compare(left=ast.Constant(value=str(text)), ops=[ast.In() | ast.NotIn()]):
                yield re.escape(text)
            case ast.Call(func=function, args=[ast.Constant(value=str(text)), *_]):
                name = last_segment(function)
                if name in _SEARCHES:
                    yield re.escape(text)
                elif name in _MATCHES:
                    yield text


def _definition(name: str, text: str) -> str | None:
    """Give the part of a module's text that defines a name; None where none does."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    defined = (n for n in nodes_in(ast.parse(text)) if isinstance(n, kinds) and n.name == name)
    found = next(defined, None)
    if found is None:
        return None
    return "\n".join(text.split("\n")[found.lineno - 1 : found.end_lineno])
