"""What a function of the project hands out: always a new session, another's, or either; a block."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.library import CACHES
from flake8_dbsession.analysis.names.functions import (
    decorator_names,
    is_context_manager,
    is_fixture,
)
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import (
    Annotated,
    Assigned,
    Binding,
    Function,
    Parameter,
    Scope,
    statements,
)
from flake8_dbsession.analysis.names.values import (
    External,
    FunctionValue,
    Known,
    Result,
    Role,
    Value,
)
from flake8_dbsession.analysis.nodes import own_nodes

_GENERATOR_TYPES = frozenset(
    {"Generator", "AsyncGenerator", "Iterator", "AsyncIterator", "Iterable", "AsyncIterable"}
)
_PLACES = (ast.Attribute, ast.Subscript)
_HANDED_ROLES = {
    Role.OPENED: Role.ACCESSOR,
    Role.LENT: Role.LENDER,
    Role.MANAGER: Role.PROVIDER,
    Role.GENERATOR: Role.DEPENDENCY,
}


def result_of(function: FunctionValue, inference: Inference) -> Result:
    """Tell what a function hands out, from its decorators, yields, returns and annotation.

    Args:
        function: the function, with the scope it stands in.
        inference: answers what the expressions in it stand for.

    Returns:
        The result; an empty one for a function that has nothing to do with sessions.
    """
    scope = function.scope.child(function.node)
    if isinstance(function.node, ast.Lambda):
        return _of_returned([function.node.body], scope, inference)
    names = decorator_names(function.node)
    if "overload" in names or "abstractmethod" in names:
        return _by_annotation(function.node, function.scope, inference)
    nodes = own_nodes(function.node)
    yields = [node.value for node in nodes if isinstance(node, ast.Yield) and node.value]
    if yields:
        return _of_generator(function, yields, nodes, inference)
    returned = [node.value for node in nodes if isinstance(node, ast.Return) and node.value]
    result = _of_returned(returned, scope, inference)
    if result.role is Role.ACCESSOR and names & CACHES:
        return Result(Role.LENDER, result.handed)
    if result.role is None and (result.returns is None or isinstance(result.returns, External)):
        annotated = _by_annotation(function.node, function.scope, inference)
        return _assumed(annotated, returned, scope, inference) or annotated
    return result


def _assumed(
    annotated: Result, returned: list[ast.expr], scope: Scope, inference: Inference
) -> Result | None:
    """Take a function for an accessor that says so, where all that it returns are calls' values."""
    value = annotated.returns
    if not isinstance(value, Known) or value.role is not Role.GIVEN:
        return None
    origins = [each for part in returned for each in _origins(part, scope, frozenset())]
    if not origins or not all(isinstance(origin, ast.Call) for origin in origins):
        return None
    opened = value._replace(role=Role.OPENED, is_assumed=True)
    return Result(Role.ACCESSOR, opened)


def stores(body: list[ast.stmt], name: str) -> bool:
    """Tell whether statements put the value of a local name where it outlives the function.

    Args:
        body: the statements of a function.
        name: the local name.

    Returns:
        True for an attribute or item that gets the name or is assigned along with it, a ``global``
        declaration of it, or a call of ``setattr`` or of a context variable's ``set`` with it.
    """
    return any(_stores(statement, name) for statement in statements(body))


def _stores(statement: ast.stmt, name: str) -> bool:
    match statement:
        case ast.Global(names=names):
            return name in names
        case ast.Assign(targets=targets, value=value):
            outlives = any(isinstance(t, _PLACES) for t in targets)
            local = any(isinstance(t, ast.Name) and t.id == name for t in targets)
            return outlives and (local or _is_name(value, name))
        case ast.Expr(value=ast.Call(func=function, args=arguments)):
            setter = isinstance(function, ast.Attribute) and function.attr == "set"
            setter = setter or _is_name(function, "setattr")
            return setter and any(_is_name(argument, name) for argument in arguments)
    return False


def _is_name(expression: ast.expr, name: str) -> bool:
    return isinstance(expression, ast.Name) and expression.id == name


def _of_generator(
    function: FunctionValue,
    yields: list[ast.expr],
    nodes: list[ast.AST],
    inference: Inference,
) -> Result:
    if is_fixture(function.node):
        return Result()
    scope = function.scope.child(function.node)
    values = [inference.value(value, scope) for value in yields]
    handed = next((v for v in values if _is_handed(v)), None)
    if handed is None and all(value is None for value in values):
        handed = _yielded_by_annotation(function, inference)
    if not isinstance(handed, Known):
        return Result()
    role = Role.PROVIDER if is_context_manager(function.node) else Role.DEPENDENCY
    return Result(role, handed, commits=handed.commits or any(map(_is_commit, nodes)))


def _is_handed(value: Value | None) -> bool:
    return isinstance(value, Known) and value.role in (Role.OPENED, Role.LENT)


def _is_commit(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr="commit")):
            return True
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return any(_is_begin(item.context_expr) for item in items)
    return False


def _is_begin(context: ast.expr) -> bool:
    match context:
        case ast.Call(func=ast.Attribute(attr="begin")):
            return True
    return False


def _yielded_by_annotation(function: FunctionValue, inference: Inference) -> Known | None:
    match getattr(function.node, "returns", None):
        case ast.Subscript(value=generator, slice=inner):
            name = getattr(generator, "attr", None) or getattr(generator, "id", "")
            item = inner.elts[0] if isinstance(inner, ast.Tuple) and inner.elts else inner
            if name in _GENERATOR_TYPES:
                value = inference.annotated(item, function.scope)
                if isinstance(value, Known) and value.role is Role.GIVEN:
                    return value
    return None


def _of_returned(returned: list[ast.expr], scope: Scope, inference: Inference) -> Result:
    others: list[Value] = []
    for expression in returned:
        value = inference.value(expression, scope)
        if value is None or isinstance(value, External):
            value = _stored_attribute(expression, scope, inference) or value
        if isinstance(value, Known) and value.role in _HANDED_ROLES:
            is_new = not _is_stored(expression, scope) and _are_fresh(returned, scope, inference)
            is_kept = value.role is Role.OPENED and not is_new
            role = Role.LENDER if is_kept else _HANDED_ROLES[value.role]
            return Result(role, value, commits=value.commits)
        if value is not None:
            others.append(value)
    known = [value for value in others if isinstance(value, Known)]
    return Result(returns=next(iter(known + others), None))


def _are_fresh(returned: list[ast.expr], scope: Scope, inference: Inference) -> bool:
    """Tell whether all that a function returns is new, or None."""
    origins = [each for part in returned for each in _origins(part, scope, frozenset())]
    return all(_is_fresh(each, scope, inference) for each in origins)


def _is_fresh(origin: ast.expr | None, scope: Scope, inference: Inference) -> bool:
    if origin is None:
        return False
    value = inference.value(origin, scope)
    return isinstance(value, Known) and value.role is Role.OPENED


def _origins(expression: ast.expr, scope: Scope, seen: frozenset[str]) -> Iterator[ast.expr | None]:
    """Give the expressions one of which an expression takes its value from.

    Args:
        expression: what is read.
        scope: the function.
        seen: the names that are followed already.

    Yields:
        The expressions, constants left out; None for what comes from outside the function.
    """
    match expression:
        case ast.Constant():
            return
        case ast.Await(value=inner) | ast.NamedExpr(value=inner):
            yield from _origins(inner, scope, seen)
        case ast.BoolOp(values=options):
            for option in options:
                yield from _origins(option, scope, seen)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _origins(body, scope, seen)
            yield from _origins(orelse, scope, seen)
        case ast.Name(id=name) if scope.bindings(name):
            for binding in scope.bindings(name) if name not in seen else ():
                yield from _bound_to(binding, name, scope, seen | {name})
        case _:
            yield expression


def _bound_to(
    binding: Binding, name: str, scope: Scope, seen: frozenset[str]
) -> Iterator[ast.expr | None]:
    match binding.how:
        case Assigned(value=value, path=()) | Annotated(value=ast.expr() as value):
            if not _works_on(value, name):
                yield from _origins(value, scope, seen)
        case Annotated(value=None):
            return
        case Parameter():
            yield None
        case _:
            yield ast.Name(name, ast.Load())


def _works_on(value: ast.expr, name: str) -> bool:
    """Tell whether a name gets what a call makes of its own value: ``conn = configured(conn)``."""
    return isinstance(value, ast.Call) and any(_is_name(part, name) for part in value.args)


def _is_stored(expression: ast.expr, scope: Scope) -> bool:
    body = getattr(scope.node, "body", None)
    if not isinstance(expression, ast.Name) or not isinstance(body, list):
        return False
    return stores(body, expression.id)


def _stored_attribute(expression: ast.expr, scope: Scope, inference: Inference) -> Known | None:
    """Find a session that the function itself put where it returns it from (``return g.db``)."""
    body = getattr(scope.node, "body", None)
    if not isinstance(expression, _PLACES) or not isinstance(body, list):
        return None
    place = ast.unparse(expression)
    for value in _assigned_to(place, body):
        known = inference.value(value, scope)
        if isinstance(known, Known) and known.role is Role.OPENED:
            return Known(Role.LENT, known.resource, known.is_async, known.name, source=known.source)
    return None


def _assigned_to(place: str, body: list[ast.stmt]) -> Iterator[ast.expr]:
    for statement in statements(body):
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, _PLACES) and ast.unparse(target) == place:
                    yield statement.value


def _by_annotation(node: Function, scope: Scope, inference: Inference) -> Result:
    returns = getattr(node, "returns", None)
    return Result(returns=inference.annotated(returns, scope) if returns is not None else None)
