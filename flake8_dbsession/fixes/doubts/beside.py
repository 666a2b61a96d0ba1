"""A patch beside another one, which gives the same thing for a second name."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import NamedTuple

from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.nodes import nodes_in
from flake8_dbsession.fixes.doubts.values import MOCKS, is_error

_PLAIN = (ast.Name, ast.Attribute, ast.Constant, ast.Lambda, ast.Call, ast.keyword)


class Insertion(NamedTuple):
    """A text that is put in.

    Attributes:
        line: the line, counted from 1.
        column: the column, counted in bytes.
        text: the text.
    """

    line: int
    column: int
    text: str


def beside(tree: ast.Module, text: str, line: int, old: str, new: str) -> Insertion | None:
    """Write a patch beside the one of a name.

    Args:
        tree: the syntax tree of a test's file.
        text: its text.
        line: the line of the text that names what is patched.
        old: that text.
        new: what the second patch is to name; without a module where it is in the same one.

    Returns:
        The second patch, in the same ``with`` or below the same ``setattr``; None where the first
        one is written in another way, or what it gives cannot be given twice.
    """
    found = [each for node in nodes_in(tree) for each in _seconds(node, text, line, old, new)]
    return found[0] if len(found) == 1 else None


def _seconds(node: ast.AST, text: str, line: int, old: str, new: str) -> list[Insertion | None]:
    match node:
        case ast.With(items=items):
            return [
                _in_block(item, text, new) for item in items if _names(item.context_expr, line, old)
            ]
        case ast.Expr(value=ast.Call() as call) if _names(call, line, old):
            return [_below(call, text, new)]
    return []


def _names(expression: ast.expr, line: int, old: str) -> bool:
    """Tell whether a call's plain arguments name what is looked for."""
    if not isinstance(expression, ast.Call):
        return False
    first = expression.args[:2]
    return any(isinstance(a, ast.Constant) and (a.lineno, a.value) == (line, old) for a in first)


def _in_block(item: ast.withitem, text: str, new: str) -> Insertion | None:
    call = item.context_expr
    assert isinstance(call, ast.Call)
    given = _given(call, text)
    if isinstance(item.optional_vars, ast.Name):
        given = [item.optional_vars.id]
    elif item.optional_vars is not None:
        return None
    written = _written(call, given, text, new)
    end = item.optional_vars or call
    if written is None or last_segment(call.func) not in ("patch", "object"):
        return None
    return Insertion(end.end_lineno or 0, end.end_col_offset or 0, f", {written}")


def _below(call: ast.Call, text: str, new: str) -> Insertion | None:
    given = _given(call, text)
    written = _written(call, given[:1] if given else None, text, new)
    lines = text.splitlines()
    last = call.end_lineno or 0
    before, after = lines[call.lineno - 1], lines[last - 1].encode()
    indent = before[: len(before) - len(before.lstrip())]
    rest = after[call.end_col_offset :].decode().strip()
    is_alone = call.col_offset == len(indent.encode()) and (not rest or rest.startswith("#"))
    if written is None or not is_alone or last_segment(call.func) != "setattr":
        return None
    return Insertion(last, len(after), f"\n{indent}{written}")


def _given(call: ast.Call, text: str) -> list[str] | None:
    """Give the further arguments of a patch, where they may be written twice."""
    start = 1 if _is_whole(call) else 2
    given: Sequence[ast.expr | ast.keyword] = [*call.args[start:], *call.keywords]
    if not all(map(_is_repeatable, given)):
        return None
    written = [ast.get_source_segment(text, each) or "\n" for each in given]
    return written if "\n" not in "".join(written) else None


def _is_whole(call: ast.Call) -> bool:
    """Tell whether one text names the module, too."""
    first = call.args[0]
    return isinstance(first, ast.Constant)


def _is_repeatable(given: ast.expr | ast.keyword) -> bool:
    """Tell whether it does not matter that an argument is evaluated twice."""
    if isinstance(given, ast.Lambda):
        return True
    calls = [node for node in nodes_in(given) if isinstance(node, ast.Call)]
    return isinstance(given, _PLAIN) and all(
        last_segment(call.func) in MOCKS or is_error(call, frozenset()) for call in calls
    )


def _written(call: ast.Call, given: list[str] | None, text: str, new: str) -> str | None:
    named = call.args[0 if _is_whole(call) else 1]
    quoted = ast.get_source_segment(text, named) or ""
    function = ast.get_source_segment(text, call.func) or ""
    if given is None or not quoted or quoted[0] not in "\"'" or "\n" in function:
        return None
    targets = [f"{quoted[0]}{new}{quoted[0]}"]
    if "." in new:
        function = function.removesuffix(".object")
    else:
        targets.insert(0, ast.unparse(call.args[0]))
    return f"{function}({', '.join([*targets, *given])})"
