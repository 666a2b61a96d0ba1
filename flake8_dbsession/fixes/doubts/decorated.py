"""Tests that get what their decorators patch as arguments.

A decorator cannot name what another one makes. Where two of them have to give the same, the test
says so in its first line: the second double gives what the first one gives, and does so whatever
that one is told to give later on.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import cached_property

from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.nodes import dotted_name, first_line, nodes_in
from flake8_dbsession.fixes.doubts.changes import (
    ASSERTS,
    Change,
    end_of,
    indent_of,
    source_of,
    start_of,
)
from flake8_dbsession.fixes.doubts.values import DEFINED, Function, is_patch

_OWNERS = frozenset({"cls", "self"})
_PATCHERS = frozenset({"dict", "object", "patch"})
_GIVES = "return_value"


def decorated_by(call: ast.Call, nodes: Iterable[ast.AST]) -> Function | None:
    """Give the function that a call decorates.

    Args:
        call: the call.
        nodes: those of the statement around it.
    """
    functions = (node for node in nodes if isinstance(node, DEFINED))
    return next((each for each in functions if call in each.decorator_list), None)


class Decorated:
    """A test with a decorator that patches something.

    Args:
        function: the test.
        call: the decorator.
        text: the text of its file.
        width: how long a line may be.
    """

    def __init__(self, function: Function, call: ast.Call, text: str, width: int) -> None:
        self._function = function
        self._call = call
        self._text = text
        self._lines = text.split("\n")
        self._width = width

    @cached_property
    def argument(self) -> ast.arg | None:
        """The parameter that gets the double; None where there is none, or it is not known."""
        position, found = 0, None
        for decorator in reversed(self._function.decorator_list):
            handed = _handed_by(decorator)
            if handed is None:
                return None
            if decorator is self._call and handed:
                found = position
            position += handed
        given = [each for each in self._parameters() if each.arg not in _OWNERS]
        required = len(given) - len(self._function.args.defaults)
        return given[found] if found is not None and found < required else None

    def above(self, written: str, name: str, closing: str = "") -> list[Change] | None:
        """Patch something else besides, to give what this decorator gives.

        Args:
            written: the further decorator.
            name: what that patches.
            closing: how ``contextlib.closing`` is written; empty where none is needed.
        """
        double, row = self._free(f"mock_{name}"), self._call.lineno
        indent = self._indent(row)
        if double is None or self._is_patched_twice() or self._lines[row - 1][len(indent)] != "@":
            return None
        if self.argument is None:
            return None
        old = self.argument.arg
        given = f"lambda: {closing}({old}())" if closing else old
        said = self._said(f"{double}.side_effect = {given}")
        taken = self._taken(double, self.argument)
        at = (row, len(indent))
        made = Change(at, at, f"@{written}\n{indent}")
        return [made, *taken, *said] if taken and said else None

    def closed(self, closing: str) -> list[Change] | None:
        """Let the double of this decorator give in a ``closing`` what it gives.

        Args:
            closing: how that is written.
        """
        if self.argument is None or {option.arg for option in self._call.keywords} - {_GIVES}:
            return None
        if not self._uses(self.argument.arg) <= {_GIVES, *ASSERTS}:
            return None
        name = self.argument.arg
        return self._said(f"{name}.side_effect = lambda: {closing}({name}.{_GIVES})") or None

    def _parameters(self) -> list[ast.arg]:
        return [*self._function.args.posonlyargs, *self._function.args.args]

    def _uses(self, name: str) -> set[str]:
        """Give the attributes of a name that the test uses; ``""`` for itself."""
        nodes = [node for part in self._function.body for node in nodes_in(part)]
        owners = {n.value: n.attr for n in nodes if isinstance(n, ast.Attribute)}
        names = (n for n in nodes if isinstance(n, ast.Name) and n.id == name)
        return {owners.get(each, "") for each in names}

    def _free(self, name: str) -> str | None:
        is_taken = re.search(rf"\b{re.escape(name)}\b", ast.unparse(self._function))
        return name if not is_taken else None

    def _is_patched_twice(self) -> bool:
        """Tell whether another decorator may need a second one of the same name."""
        patched = [_patched_by(each) for each in self._function.decorator_list]
        return patched.count(_patched_by(self._call)) > 1

    def _taken(self, double: str, after: ast.arg) -> list[Change]:
        """Let the test take a further double; nothing where that is not plain to write."""
        row, end = after.lineno, end_of(after)
        line = self._lines[row - 1]
        hint = self._source(after.annotation) if after.annotation is not None else ""
        written = f"{double}: {hint}" if hint else double
        if line.strip().rstrip(",") == self._source(after):
            return [Change(end, end, f",\n{self._indent(row)}{written}")]
        if len(line) + len(f", {written}") <= self._width or len(line) > self._width:
            return [Change(end, end, f", {written}")]
        return self._broken(written, after)

    def _broken(self, written: str, after: ast.arg) -> list[Change]:
        """Let the parameters stand on lines of their own, with a further one."""
        given, indent = self._parameters(), self._indent(self._function.lineno)
        rest = self._function.args
        is_plain = not (rest.posonlyargs or rest.kwonlyargs or rest.vararg or rest.kwarg)
        rows = {row for each in given for row in (each.lineno, each.end_lineno)}
        if not is_plain or rest.defaults or rows != {self._function.lineno}:
            return []
        names = [self._source(each) for each in given]
        names.insert(given.index(after) + 1, written)
        inner, joined = f"{indent}    ", ", ".join(names)
        if len(inner) + len(joined) > self._width:
            joined = f",\n{inner}".join(names) + ","
        return [Change(start_of(given[0]), end_of(given[-1]), f"\n{inner}{joined}\n{indent}")]

    def _said(self, statement: str) -> list[Change]:
        """Put a statement before all others of the test; nothing where they have no own lines."""
        docstring, *others = self._function.body
        has_docstring = ast.get_docstring(self._function, clean=False) is not None
        first = next(iter(others), None) if has_docstring else docstring
        if first is None:
            return []
        row = first_line(first)
        indent = self._indent(row)
        if len(indent.encode()) != first.col_offset:
            return []
        last = docstring.end_lineno if has_docstring else self._function.lineno
        while row - 1 > (last or 0) and self._lines[row - 2].lstrip().startswith("#"):
            row -= 1
        return [Change((row, 0), (row, 0), f"{indent}{statement}\n")]

    def _indent(self, row: int) -> str:
        return indent_of(self._lines[row - 1])

    def _source(self, node: ast.expr | ast.arg) -> str:
        return source_of(node, self._text)


def _handed_by(decorator: ast.expr) -> int | None:
    """Tell how many doubles a decorator hands a test; None for what may hand it anything."""
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    if dotted_name(function).startswith("pytest.mark."):
        return 0
    if is_patch(decorator):
        return 1
    name = last_segment(function)
    given = decorator.args if isinstance(decorator, ast.Call) and name in _PATCHERS else []
    return 0 if len(given) > (name == "object") else None


def _patched_by(decorator: ast.expr) -> str:
    """Give the last part of the name that a decorator patches; empty where none is plain."""
    texts = [n.value for n in nodes_in(decorator) if isinstance(n, ast.Constant)]
    found = next((text for text in texts if isinstance(text, str)), "")
    return found.rpartition(".")[2]
