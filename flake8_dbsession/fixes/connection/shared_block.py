"""One block beside a helper that opens connections, where many places would close theirs."""

from __future__ import annotations

import ast
import re
from itertools import takewhile

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Edit, Refusal
from flake8_dbsession.rewriting.imports import reach_module

_MANY = 4  # places in a file; for fewer each closes by itself


class _Helper(NamedTuple):
    """A function of the file that opens connections.

    Attributes:
        node: the function.
        receiver: what its calls begin with: ``self.`` for a method.
        name: the name of the block that stands beside it.
    """

    node: ast.FunctionDef
    receiver: str
    name: str


def shared_edits(opened: Acquisition, document: Document) -> tuple[Edit, ...]:
    """Enter a block beside the helper that opens a connection, which is written there.

    Args:
        opened: the connection, entered by a ``with`` statement.
        document: the file.

    Returns:
        The edits; none where a few places alone call the helper, or it is more than a function of
        the file without arguments.
    """
    helper = _helper_of(opened, document)
    if helper is None or _count(helper, document) < _MANY:
        return ()
    at = document.line_end(helper.node.end_lineno or 0)
    try:
        closing = reach_module("contextlib", "closing", document.top, document)
        manager = reach_module("contextlib", "contextmanager", document.top, document)
        result, edits = _result(helper.node, document)
    except Refusal:
        return ()
    opening = f"{closing.expression}({helper.receiver}{helper.node.name}())"
    given = helper.receiver.removesuffix(".")
    lines = [
        *_blanks_below(helper.node, document, usual=1 if given else 2),
        f"@{manager.expression}",
        f"def {helper.name}({given}){result}:",
        f"{document.indent}with {opening} as conn, conn:",
        f"{document.indent * 2}yield conn",
    ]
    indent, end = document.indent_of(helper.node), document.newline
    text = "".join(f"{indent}{line}{end}" if line else end for line in lines)
    called = document.replace(opened.node.func, f"{helper.receiver}{helper.name}")
    return (called, Edit(at, at, text), *edits, *_joined(closing.edits, manager.edits))


def _blanks_below(node: ast.FunctionDef, document: Document, *, usual: int) -> list[str]:
    """Give as many blank lines as stand below a function; the usual number where none does."""
    below = document.lines[node.end_lineno or 0 :]
    blanks = [*takewhile(lambda line: not line.strip(), below)]
    return [""] * (usual if not blanks or len(blanks) == len(below) else len(blanks))


def _result(node: ast.FunctionDef, document: Document) -> tuple[str, tuple[Edit, ...]]:
    """Annotate what the block yields as the helper is annotated."""
    if node.returns is None:
        return "", ()
    reach = reach_module("collections.abc", "Iterator", document.top, document)
    return f" -> {reach.expression}[{document.written(node.returns)}]", reach.edits


def _joined(closing: tuple[Edit, ...], manager: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """Make one import of two that would stand at one place."""
    match closing, manager:
        case [Edit(start, end, one)], [Edit(at, last, _)] if (start, end) == (at, last):
            both = re.sub(r"\bclosing\b", "closing, contextmanager", one, count=1)
            return (Edit(start, end, both),)
    return (*closing, *manager)


def _helper_of(opened: Acquisition, document: Document) -> _Helper | None:
    call = opened.node
    function = document.context.file.inference.value(call.func, opened.scope)
    if call.args or call.keywords or not isinstance(function, FunctionValue):
        return None
    node = function.node
    if not isinstance(node, ast.FunctionDef) or node.decorator_list:
        return None
    if function.scope.module is not document.context.file.module:
        return None
    name = f"{node.name}ed" if node.name.endswith("connect") else f"{node.name}_closing"
    ends = document.text[document.line_end(node.end_lineno or 0) - 1 :][:1]
    if document.is_named(name) or ends not in ("\n", "\r"):
        return None
    arguments = [arg.arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)]
    match call.func:
        case ast.Name() if function.scope is document.top and not arguments:
            return _Helper(node, "", name)
        case ast.Attribute(value=ast.Name(id="self")) if arguments == ["self"]:
            is_own = _is_in_class(function.scope, opened.scope)
            return _Helper(node, "self.", name) if is_own else None
    return None


def _is_in_class(cls: Scope, scope: Scope) -> bool:
    return isinstance(cls.node, ast.ClassDef) and scope.enclosing_class() is cls


def _count(helper: _Helper, document: Document) -> int:
    """Count the blocks of a file that enter what a helper gives."""
    written = f"{helper.receiver}{helper.node.name}()"
    return sum(
        ast.unparse(item.context_expr) == written
        for node in ast.walk(document.tree)
        if isinstance(node, ast.With)
        for item in node.items
    )
