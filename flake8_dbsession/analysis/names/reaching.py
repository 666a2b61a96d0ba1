"""What a name stands for at one place, where a function gives it several values one by one."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.names.parents import ancestors_in
from flake8_dbsession.analysis.names.scopes import (
    LOOPS,
    SCOPES,
    Scope,
    statement_bindings,
    statements,
)
from flake8_dbsession.analysis.nodes import block_with, children, is_name, names, nodes_in


def assigned_before(reading: ast.Name, scope: Scope) -> ast.expr | None:
    """Give what was last assigned to a name before it is read.

    Args:
        reading: where it is read.
        scope: the scope of that.

    Returns:
        The value; None where it may be another, as after a branch or in a loop that binds the
        name as well, and where the scope does not bind it alone.
    """
    name = reading.id
    if scope.defining(name) is not scope or _is_bound_by_others(name, scope):
        return None
    inner: ast.AST = reading
    for around in ancestors_in(reading, scope):
        if isinstance(around, SCOPES) and around is not scope.node:
            return None  # it may run when the name has another value
        block = block_with(inner, around)
        at = block.index(inner) if isinstance(inner, ast.stmt) and block else 0
        for statement in reversed(block[:at]):
            if _binds(statement, name):
                return _value_for(name, statement)
        if _may_bind_before(around, inner, name):
            return None
        inner = around
    return None


def _is_bound_by_others(name: str, scope: Scope) -> bool:
    """Tell whether a function inside, or of the module, binds the scope's name."""
    return any(
        isinstance(node, (ast.Global, ast.Nonlocal)) and name in node.names
        for node in nodes_in(scope.node)
    )


def _binds(statement: ast.stmt, name: str) -> bool:
    bound = statement_bindings([statement], walrus=lambda _: True)
    added = (each.target for each in statements([statement]) if isinstance(each, ast.AugAssign))
    return any(each == name for each, _ in bound) or any(is_name(each, name) for each in added)


def _value_for(name: str, statement: ast.stmt) -> ast.expr | None:
    match statement:
        case ast.Assign(targets=targets, value=value) if any(is_name(t, name) for t in targets):
            return value
        case ast.AnnAssign(target=ast.Name(), value=value):
            return value
    return None


def _may_bind_before(around: ast.AST, inner: ast.AST, name: str) -> bool:
    """Tell whether what stands around a part may bind a name before that part runs."""
    match around:
        case _ if hasattr(around, "finalbody"):  # a ``try`` of either kind
            return inner not in around.body and _binds(around, name)  # type: ignore[attr-defined,arg-type]
        case ast.stmt() if isinstance(around, (*LOOPS, ast.Match)):
            return _binds(around, name)
        case ast.ExceptHandler(name=caught) if caught == name:
            return True
    parts = (part for part in children(around) if not isinstance(part, ast.stmt))
    return any(_binds_inside(part, name) for part in parts)


def _binds_inside(part: ast.AST, name: str) -> bool:
    """Tell whether a part of a statement binds a name: by ``:=``, or as a block's ``as``."""
    if isinstance(part, ast.withitem):
        target = part.optional_vars
        return target is not None and names(target, name)
    return any(
        isinstance(node, ast.NamedExpr) and is_name(node.target, name) for node in nodes_in(part)
    )
