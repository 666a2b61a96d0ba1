"""How a test patches a second name, beside the first or in its place, to give the same thing.

What a ``with`` block entered already is given as it is. What was opened and closed by hand is given
in a ``closing``, which enters the thing itself, and closes it at the end as the code did.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.nodes import first_line, nodes_in
from flake8_dbsession.fixes.doubts.changes import (
    ASSERTS,
    Change,
    end_of,
    indent_of,
    source_of,
    start_of,
)
from flake8_dbsession.fixes.doubts.decorated import Decorated, decorated_by
from flake8_dbsession.fixes.doubts.values import (
    DEFINED,
    MOCKS,
    Function,
    is_error,
    is_patch,
)
from flake8_dbsession.rewriting.continued import in_column

_PLAIN = (ast.Name, ast.Attribute, ast.Constant, ast.Lambda, ast.Call, ast.keyword)
_OPTIONS = frozenset({"create", "raising"})
_NAMES = ("factory", "session_factory", "open_session")


@dataclass(frozen=True, slots=True)
class Repatch:
    """A patch that has to name something else, or to get another one beside it.

    Attributes:
        tree: the syntax tree of a test's file.
        text: its text.
        line: the line of the text that names what is patched.
        old: that text.
        new: what is to be named; without a module where it is in the same one.
        closing: how ``contextlib.closing`` is written there; empty where what is given was entered.
        width: how long a line may be.
    """

    tree: ast.Module
    text: str
    line: int
    old: str
    new: str
    closing: str = ""
    width: int = 88

    def beside(self) -> list[Change] | None:
        """Write a second patch, in the same ``with`` or below the same ``setattr``.

        Returns:
            What changes; None where the first one is written in another way, or what it gives
            cannot be given twice.
        """
        found: list[list[Change] | None] = []
        for node in self._near():
            match node:
                case ast.With() | ast.AsyncWith():
                    items = (i for i in node.items if self._names(i.context_expr))
                    found += (self._in_block(item, node) for item in items)
                case ast.Expr(value=ast.Call() as call) if self._names(call):
                    found.append(self._below(call))
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    calls = (each for each in node.decorator_list if self._names(each))
                    found += (self._above(call, node) for call in calls)
                case ast.Dict():
                    found += self._in_doubles(node)
        return found[0] if len(found) == 1 else None

    def _in_doubles(self, modules: ast.Dict) -> Iterator[list[Change] | None]:
        """Let the double of a whole module give by a second name what it gives by one."""
        for key, double in zip(modules.keys, modules.values, strict=True):
            match key, double:
                case ast.Constant(value=str(module), lineno=self.line), ast.Call(keywords=given):
                    named = [each for each in given if f"{module}.{each.arg}" == self.old]
                    yield from (self._given_twice(each, double) for each in named)

    def _given_twice(self, keyword: ast.keyword, double: ast.Call) -> list[Change] | None:
        name, source = self.new.rpartition(".")[2], self._source(keyword.value)
        is_known = all(each.arg not in (None, name) for each in double.keywords)
        if not is_known or "\n" in source or not _is_repeatable(keyword.value):
            return None
        end, written = end_of(keyword.value), f"{name}={source}"
        line = self._line(end[0])
        if line.lstrip().startswith(f"{keyword.arg}="):
            return [_inserted(end, f",\n{indent_of(line)}{written}")]
        if len(line) + len(f", {written}") <= self.width:
            return [_inserted(end, f", {written}")]
        if double.lineno != double.end_lineno or double.args:
            return None
        first, last, indent = double.keywords[0], double.keywords[-1], indent_of(line)
        closed = f"\n{indent}"
        opened = _inserted(start_of(first), f"\n{indent}    ")
        if keyword is last:
            return [opened, _inserted(end, f", {written}{closed}")]
        return [opened, _inserted(end, f", {written}"), _inserted(end_of(last), closed)]

    def instead(self) -> list[Change] | None:
        """Let the patch give what it gives in a ``closing``, with its name to be changed besides.

        Returns:
            What changes; None where it is not plain what it gives.
        """
        near = self._near()
        calls = [n for n in near if isinstance(n, ast.Call) and self._names(n)]
        if len(calls) != 1:
            return None
        (call,) = calls
        items = (i for n in near for i in getattr(n, "items", ()))
        item = next((i for i in items if i.context_expr is call), None)
        function = decorated_by(call, near)
        if function is not None and is_patch(call):
            changes = Decorated(function, call, self.text, self.width).closed(self.closing)
        else:
            changes = self._in_place(call, item)
        return None if changes is None else _merged([*changes, *self._broken(call, changes)])

    def _near(self) -> list[ast.AST]:
        """Give the nodes among which the text may stand: those of the statement on its line."""
        lines = ((first_line(each), each.end_lineno or 0, each) for each in self.tree.body)
        around = (each for first, last, each in lines if first <= self.line <= last)
        return [node for each in around for node in nodes_in(each)]

    def _names(self, expression: ast.expr) -> bool:
        """Tell whether a call's plain arguments name what is looked for."""
        if not isinstance(expression, ast.Call):
            return False
        return any(map(self._is_named_by, expression.args[:2]))

    def _is_named_by(self, node: ast.expr | ast.keyword) -> bool:
        if not isinstance(node, ast.Constant):
            return False
        return (node.lineno, node.value) == (self.line, self.old)

    def _in_block(self, item: ast.withitem, block: ast.With | ast.AsyncWith) -> list[Change] | None:
        call = item.context_expr
        assert isinstance(call, ast.Call)
        changes = []
        given = self._again(call)
        if isinstance(item.optional_vars, ast.Name):
            given = self._called(item.optional_vars.id)
        elif item.optional_vars is not None:
            return None
        elif given is None:
            name = self._free_name()
            changes.append(_inserted(end_of(call), f" as {name}"))
            given = self._called(name)
        written = self._written(call, given)
        if written is None or last_segment(call.func) not in ("patch", "object"):
            return None
        added = sum(len(change.text) for change in changes)
        text = self._joined(written, item, added, block)
        return [*changes, _inserted(end_of(item.optional_vars or call), text)]

    def _joined(
        self, written: str, item: ast.withitem, added: int, block: ast.With | ast.AsyncWith
    ) -> str:
        """Put a comma before a further item, and begin a line as others do, or to make it fit."""
        line = self._line(end_of(item.optional_vars or item.context_expr)[0])
        rows = [i.context_expr for i in block.items if self._begins_line(i.context_expr, block)]
        if item.context_expr not in rows:
            if len(line) + added + len(written) + len(", ") <= self.width:
                return f", {written}"
            if line.lstrip().startswith(")"):
                return f", {_on_lines(written, indent_of(line))}"
        first = block.items[0].context_expr
        start = first.col_offset if first.lineno == block.lineno else None
        is_enclosed = "(" in self._line(block.lineno)[block.col_offset : start]
        near = min(rows, key=lambda row: abs(row.lineno - item.context_expr.lineno), default=first)
        indent = " " * near.col_offset
        if not is_enclosed:
            return f", \\\n{indent}{written}"
        if len(f"{indent}{written},") > self.width:
            written = _on_lines(written, indent)
        return f",\n{indent}{written}"

    def _begins_line(self, item: ast.expr, block: ast.With | ast.AsyncWith) -> bool:
        indent = indent_of(self._line(item.lineno))
        return item.lineno > block.lineno and item.col_offset == len(indent)

    def _above(self, call: ast.expr, function: Function) -> list[Change] | None:
        assert isinstance(call, ast.Call)
        written = self._written(call, []) if is_patch(call) else None
        if written is None:
            return None
        indent = " " * function.col_offset
        if len(f"{indent}@{written}") > self.width:
            written = _on_lines(written, indent)
        name = self.new.rpartition(".")[2]
        decorated = Decorated(function, call, self.text, self.width)
        return decorated.above(written, name, self.closing)

    def _below(self, call: ast.Call) -> list[Change] | None:
        given, changes = self._again(call), []
        line, (last, column) = self._line(call.lineno), end_of(call)
        indent = indent_of(line)
        rest = self._line(last).encode()[column:].decode().strip()
        is_alone = call.col_offset == len(indent.encode()) and (not rest or rest.startswith("#"))
        if not is_alone or last_segment(call.func) != "setattr":
            return None
        value = self._value(call)
        if given is None and value is not None:
            name = self._free_name()
            bound = f"{name} = {self._at(len(f'{indent}{name} = '), value, indent)}\n{indent}"
            changes.append(_inserted(start_of(call), bound))
            changes.append(Change(start_of(value), end_of(value), name))
            given = self._called(name)
        written = self._written(call, given[:1] if given else None)
        if written is None:
            return None
        if len(indent) + len(written) > self.width:
            written = _on_lines(written, indent)
        end = (last, len(self._line(last).encode()))
        return [*changes, _inserted(end, f"\n{indent}{written}")]

    def _value(self, call: ast.Call) -> ast.expr | None:
        """Give the only thing that a ``setattr`` gives, where nothing else is said of it."""
        given = call.args[1 if _is_whole(call) else 2 :]
        is_alone = len(given) == 1 and not call.keywords
        return given[0] if is_alone and not isinstance(given[0], ast.Starred) else None

    def _called(self, name: str) -> list[str]:
        """Write what gives the same as a name when it is called."""
        return [f"lambda: {self.closing}({name}())" if self.closing else name]

    def _again(self, call: ast.Call) -> list[str] | None:
        """Write the further arguments of a patch, where they may be written twice."""
        start = 1 if _is_whole(call) else 2
        given: Sequence[ast.expr | ast.keyword] = [*call.args[start:], *call.keywords]
        if not all(map(_is_repeatable, given)):
            return None
        written = [
            self._again_closed(each) if self.closing else self._source(each) for each in given
        ]
        known = [each for each in written if each is not None and "\n" not in each]
        return known if len(known) == len(given) and (given or not self.closing) else None

    def _again_closed(self, given: ast.expr | ast.keyword) -> str | None:
        source = self._source(given)
        wraps = self._wraps(given)
        start = (given.lineno, given.col_offset)
        if wraps is None or given.lineno != given.end_lineno:
            return None
        written = source.encode()
        for change in sorted(wraps, reverse=True):
            first, last = change.start[1] - start[1], change.end[1] - start[1]
            written = written[:first] + change.text.encode() + written[last:]
        return written.decode()

    def _source(self, node: ast.expr | ast.keyword) -> str:
        return source_of(node, self.text)

    def _at(self, column: int, value: ast.expr, indent: str) -> str:
        """Write a value for another column of a line with an indentation."""
        line = self._line(value.lineno)
        old = len(line.encode()[: value.col_offset].decode())
        indents = len(indent_of(line)), len(indent)
        return in_column(self._source(value), old, column, indents)

    def _in_place(self, call: ast.Call, item: ast.withitem | None) -> list[Change] | None:
        """Put what a patch gives into a ``closing``."""
        start = 1 if _is_whole(call) else 2
        given: list[ast.expr | ast.keyword] = [*call.args[start:], *call.keywords]
        handle = item.optional_vars if item is not None else None
        if handle is not None and not isinstance(handle, ast.Name):
            return None
        values = [each for each in given if getattr(each, "arg", None) not in _OPTIONS]
        if item is None and (not values or any(isinstance(v, ast.keyword) for v in values)):
            return None  # the mock that the patch makes may be used anywhere
        if handle is not None and all(isinstance(each, ast.keyword) for each in values):
            uses = self._uses(handle.id, call.lineno)
            if not uses <= ASSERTS:
                return self._prepared(call, handle.id, values, uses)
        wraps = [self._wraps(each) for each in values]
        known = [change for each in wraps if each is not None for change in each]
        return known if all(each is not None for each in wraps) else None

    def _prepared(
        self,
        call: ast.Call,
        handle: str,
        values: list[ast.expr | ast.keyword],
        uses: set[str],
    ) -> list[Change] | None:
        """Let the mock that a patch makes and a test prepares give a ``closing`` of its result."""
        option = f"side_effect=lambda: {self.closing}({handle}.return_value)"
        is_free = all(getattr(each, "arg", None) == "return_value" for each in values)
        if not is_free or "side_effect" in uses:
            return None
        at = (call.end_lineno or 0, (call.end_col_offset or 0) - 1)
        return [_inserted(at, f", {option}")]

    def _wraps(self, given: ast.expr | ast.keyword) -> list[Change] | None:
        """Put what a value gives when it is called into a ``closing``."""
        match given:
            case ast.keyword(arg="return_value", value=value):
                return self._wrapped(value)
            case ast.keyword(arg="side_effect", value=ast.Lambda() as value):
                return self._wraps(value)
            case ast.keyword(arg="side_effect", value=value):
                return [] if is_error(value, frozenset()) else None
            case ast.keyword(arg=name) if name in _OPTIONS:
                return []
            case ast.Lambda(body=body):
                return self._wrapped(body)
            case ast.Name(id=name):
                return self._replaced(given) if self._is_bound_once(name, given.lineno) else None
            case ast.Call(args=[], keywords=options) if last_segment(given.func) in MOCKS:
                values = [option for option in options if option.arg != "name"]
                return self._wraps(values[0]) if len(values) == 1 else None
        return None

    def _wrapped(self, value: ast.expr) -> list[Change]:
        return [_inserted(start_of(value), f"{self.closing}("), _inserted(end_of(value), ")")]

    def _replaced(self, value: ast.expr) -> list[Change]:
        written = f"lambda: {self.closing}({ast.unparse(value)}())"
        return [Change(start_of(value), end_of(value), written)]

    def _broken(self, call: ast.Call, changes: list[Change]) -> Iterator[Change]:
        """Let the arguments of a call stand on a line of their own, where they do not fit."""
        line = self._line(call.lineno)
        added = len(self.new) - len(self.old) + sum(len(change.text) for change in changes)
        if call.lineno == call.end_lineno and len(line) <= self.width < len(line) + added:
            indent = indent_of(line)
            (end, column), (row, after) = end_of(call), end_of(call.func)
            drawn_up = [*self._drawn_up(end, column)]
            apart = None if drawn_up else self._apart(call, added)
            if apart is not None:
                yield apart
            else:
                yield _inserted((row, after + 1), f"\n{indent}    ")
                yield _inserted((end, column - 1), f"\n{indent}")
                yield from drawn_up

    def _apart(self, call: ast.Call, added: int) -> Change | None:
        """Put what follows the name in a call below that, where lines go on after a backslash.

        Returns:
            The change; None where a line would be too long, or no backslash stands beside.
        """
        row = call.lineno
        line, above = self._line(row), self._line(row - 1) if row > 1 else ""
        given: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
        parts = sorted(given, key=start_of)
        texts = (i for i, part in enumerate(parts) if self._is_named_by(part))
        index = next(texts, len(parts)) + 1
        if not (line.endswith("\\") or above.endswith("\\")) or index >= len(parts):
            return None
        start, end = end_of(parts[index - 1]), start_of(parts[index])
        indent = " " * len(line.encode()[: end_of(call.func)[1] + 1].decode())
        named = len(self.new) - len(self.old)
        below = len(indent) + len(line.encode()[end[1] :].decode()) + added - named
        is_fitting = max(len(line.encode()[: start[1]].decode()) + named + 1, below) <= self.width
        return Change(start, end, f",\n{indent}") if is_fitting else None

    def _drawn_up(self, row: int, column: int) -> Iterator[Change]:
        """Let the last item of a ``with`` follow a bracket, and no backslash, where it fits."""
        line = self._line(row)
        is_first = line.lstrip().startswith(("with ", "async with "))
        if not is_first or line.encode()[column:] != b", \\":
            return
        indent, below = indent_of(line), self._line(row + 1)
        item = below.lstrip()
        if item.endswith(":") and len(f"{indent}), {item}") <= self.width:
            yield Change((row, column), (row + 1, len(indent_of(below))), ", ")

    def _uses(self, name: str, line: int) -> set[str]:
        """Give the attributes of a name that are used where a line stands; ``""`` for itself."""
        nodes = nodes_in(self._around(line))
        owners = {n.value: n.attr for n in nodes if isinstance(n, ast.Attribute)}
        names = (n for n in nodes if isinstance(n, ast.Name) and n.id == name)
        return {owners.get(n, "") for n in names if isinstance(n.ctx, ast.Load)}

    def _is_bound_once(self, name: str, line: int) -> bool:
        nodes = nodes_in(self._around(line))
        bound = (n for n in nodes if isinstance(n, ast.Name) and n.id == name)
        return sum(isinstance(n.ctx, ast.Store) for n in bound) < 2

    def _around(self, line: int) -> ast.AST:
        functions = (n for n in nodes_in(self.tree) if isinstance(n, DEFINED))
        around = (f for f in functions if f.lineno <= line <= (f.end_lineno or 0))
        return min(around, key=lambda f: f.lineno, default=self.tree)

    def _line(self, number: int) -> str:
        return self.text.split("\n")[number - 1]

    def _free_name(self) -> str:
        words = set(re.findall(r"\w+", self.text))
        return next((name for name in _NAMES if name not in words), "_factory")

    def _written(self, call: ast.Call, given: list[str] | None) -> str | None:
        named = call.args[0 if _is_whole(call) else 1]
        quoted = self._source(named)
        function = self._source(call.func)
        if given is None or not quoted or quoted[0] not in "\"'" or "\n" in function:
            return None
        targets = [f"{quoted[0]}{self.new}{quoted[0]}"]
        if "." in self.new:
            function = function.removesuffix(".object")
        else:
            targets.insert(0, ast.unparse(call.args[0]))
        return f"{function}({', '.join([*targets, *given])})"


def _inserted(at: tuple[int, int], text: str) -> Change:
    return Change(at, at, text)


def _merged(changes: list[Change]) -> list[Change]:
    """Put what is inserted in one place into one change, in its order."""
    found: dict[tuple[tuple[int, int], tuple[int, int]], str] = {}
    for start, end, text in changes:
        found[start, end] = found.get((start, end), "") + text
    return [Change(start, end, text) for (start, end), text in found.items()]


def _on_lines(call: str, indent: str) -> str:
    """Write a call with its arguments on a line of their own."""
    head, arguments = call[:-1].split("(", 1)
    return f"{head}(\n{indent}    {arguments}\n{indent})"


def _is_whole(call: ast.Call) -> bool:
    """Tell whether one text names the module, too."""
    first = call.args[0]
    return isinstance(first, ast.Constant)


def _is_repeatable(given: ast.expr | ast.keyword) -> bool:
    """Tell whether it does not matter that an argument is evaluated twice."""
    if isinstance(given, ast.Lambda):
        return True
    nodes = nodes_in(given)
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    if any(isinstance(node, (ast.List, ast.Tuple)) for node in nodes):
        return False  # a mock gives each part of it once
    return isinstance(given, _PLAIN) and all(
        last_segment(call.func) in MOCKS or is_error(call, frozenset()) for call in calls
    )
