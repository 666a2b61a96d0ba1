"""What differs where one handler catches an error in the place of another."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.fixes.doubts.provider import only_tells
from flake8_dbsession.rewriting.closes import is_call_on
from flake8_dbsession.rewriting.document import Document


def differing_keys(
    assignment: ast.stmt, handled: ast.stmt, name: str, scope: Scope, document: Document
) -> frozenset[str] | None:
    """Compare what becomes of an error of an opening inside a ``try`` and before it.

    Args:
        assignment: the opening.
        handled: the ``try`` after it, into which it moves.
        name: the session's name.
        scope: the scope of both.
        document: the file.

    Returns:
        The keys of the dictionary that is returned of which the values differ; None where the
        handlers do more than write to a log and return.
    """
    outer = _around(assignment, document)
    if outer is None or not isinstance(handled, ast.Try):
        return None
    inner = _returned(handled, name, scope, document)
    other = _returned(outer, name, scope, document)
    if inner is None or other is None:
        return None
    if ast.dump(inner) == ast.dump(other):
        return frozenset()
    one, two = _values(inner), _values(other)
    if one is None or two is None or one.keys() != two.keys():
        return None
    return frozenset(key for key, value in one.items() if value != two[key])


def _around(statement: ast.stmt, document: Document) -> ast.Try | None:
    """Give the innermost ``try`` whose handlers get the errors of a statement."""
    inner: ast.AST = statement
    for outer in document.context.file.tree.ancestors(statement):
        if isinstance(outer, (ast.With, ast.AsyncWith, ast.FunctionDef, ast.AsyncFunctionDef)):
            return None
        if isinstance(outer, ast.Try):
            return outer if inner in outer.body and outer.handlers else None
        inner = outer
    return None


def _returned(handled: ast.Try, name: str, scope: Scope, document: Document) -> ast.expr | None:
    """Give what is returned after any error, and nothing else done but to tell of it."""
    match handled.handlers:
        case [ast.ExceptHandler(type=(None | ast.Name(id="Exception" | "BaseException")))]:
            *before, last = handled.handlers[0].body
        case _:
            return None
    inference = document.context.file.inference
    for each in before:
        is_told = (
            isinstance(each, ast.Expr)
            and isinstance(each.value, ast.Call)
            and only_tells(each.value, scope, inference)
        )
        if not is_told and not is_call_on(each, name, "rollback"):
            return None
    return last.value if isinstance(last, ast.Return) else None


def _values(display: ast.expr) -> dict[str, str] | None:
    if not isinstance(display, ast.Dict):
        return None
    keys = [key.value for key in display.keys if isinstance(key, ast.Constant)]
    texts = [key for key in keys if isinstance(key, str)]
    if len(texts) != len(display.values):
        return None
    return dict(zip(texts, map(ast.unparse, display.values), strict=True))
