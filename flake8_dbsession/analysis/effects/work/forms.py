"""What code binds, and what stands in a value: told by its form alone, without following a name."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.lifetimes import constructs_by_name
from flake8_dbsession.analysis.nodes import arguments, nodes_in


def names_put_into(value: ast.expr) -> Iterator[str]:
    """Give the names of what stands in a value: ``a`` and ``b`` of ``[a, Post(user=b)]``."""
    match value:
        case ast.Name(id=name):
            yield name
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            yield from (name for part in parts for name in names_put_into(part))
        case ast.Dict(values=parts) | ast.BoolOp(values=parts):
            yield from (name for part in parts for name in names_put_into(part))
        case ast.IfExp(body=body, orelse=orelse):
            yield from (*names_put_into(body), *names_put_into(orelse))
        case ast.Starred(value=part) | ast.ListComp(elt=part) | ast.GeneratorExp(elt=part):
            yield from names_put_into(part)
        case ast.Call() if constructs_by_name(value):
            yield from (name for part in arguments(value) for name in names_put_into(part))


def makes_object(value: ast.expr) -> bool:
    """Tell whether a value is an object that is made there, or holds one."""
    return any(isinstance(n, ast.Call) and constructs_by_name(n) for n in nodes_in(value))


def bindings_of(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Give what a node binds, each with the value that it gets, or that it gets something of."""
    match node:
        case ast.Assign(targets=targets, value=value):
            yield from ((target, value) for target in targets)
        case (
            ast.AnnAssign(target=target, value=ast.expr() as value)
            | ast.NamedExpr(target=target, value=value)
            | ast.AugAssign(target=target, value=value)
            | ast.For(target=target, iter=value)
            | ast.AsyncFor(target=target, iter=value)
            | ast.comprehension(target=target, iter=value)
            | ast.withitem(context_expr=value, optional_vars=ast.expr() as target)
        ):
            yield target, value


def bound_names(target: ast.expr) -> Iterator[str]:
    """Give the names that get a value, or something of it: ``a, b.c[0] = ...`` gives a and b."""
    match target:
        case ast.Name(id=name):
            yield name
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            for element in elements:
                yield from bound_names(element)
        case ast.Starred(value=inner) | ast.Attribute(value=inner) | ast.Subscript(value=inner):
            yield from bound_names(inner)


def root_name(expression: ast.expr) -> str:
    """Give the name that a chain begins with: ``a`` of ``a.b[0].setdefault("c", [])``."""
    match expression:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=inner) | ast.Subscript(value=inner) | ast.Call(func=inner):
            return root_name(inner)
    return ""


def root_call(expression: ast.expr) -> ast.Call | None:
    """Give the call that a chain begins with: ``select(A)`` of ``select(A).where(...)``."""
    node: ast.expr = expression
    while isinstance(node, (ast.Call, ast.Attribute)):
        if isinstance(node, ast.Attribute):
            node = node.value
        elif isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Call):
            node = node.func.value
        else:
            return node
    return None


def is_sql_function(call: ast.Call) -> bool:
    """Tell whether a call is one of SQL's functions, ``func.count(...)``."""
    match call.func:
        case ast.Attribute(value=ast.Name(id="func") | ast.Attribute(attr="func")):
            return True
    return False


def is_stored(name: ast.Name) -> bool:
    """Tell whether a name is bound where it stands."""
    return isinstance(name.ctx, ast.Store)
