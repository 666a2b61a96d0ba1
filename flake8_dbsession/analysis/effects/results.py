"""What a project's function hands out: a new session, another's, or either; a tuple; a block."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.work.generators import leaves_of
from flake8_dbsession.analysis.library.python import KEEPING
from flake8_dbsession.analysis.library.wrappers import CACHES, GENERATOR_TYPES, PLAIN_DECORATORS
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
    body_of,
    statements,
)
from flake8_dbsession.analysis.names.values import (
    External,
    FunctionValue,
    Result,
    Role,
    RoleValue,
    TupleValue,
    Value,
)
from flake8_dbsession.analysis.nodes import constants_in, is_name, names, nodes_in, own_nodes

_PLACES = (ast.Attribute, ast.Subscript)
# What gives a new session or connection at each call.
_OPENING = frozenset(
    {Role.CONNECT, Role.ENGINE, Role.EXTENSION, Role.FACTORY, Role.POOL, Role.SESSION_CLASS}
)
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
        return _of_generator(function, yields, inference)
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
    if not isinstance(value, RoleValue) or value.role is not Role.GIVEN:
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


def gives_new(function: FunctionValue, inference: Inference) -> bool:
    """Tell whether every call of a function certainly gives a new session or connection.

    Args:
        function: the function.
        inference: answers what the expressions in it stand for.

    Returns:
        True where each way through it ends so, none with None, and nothing keeps what it gives.
    """
    scope = function.scope.child(function.node)
    return inference.questions.ask(
        scope.memory,
        "gives new",
        lambda: _gives_new(function.node, scope, inference),
        False,
        fixed_point=True,
    )


def _gives_new(node: Function, scope: Scope, inference: Inference) -> bool:
    if not decorator_names(node) <= PLAIN_DECORATORS:
        return False
    nodes = [] if isinstance(node, ast.Lambda) else own_nodes(node)
    returned = [n.value for n in nodes if isinstance(n, ast.Return)]
    if isinstance(node, ast.Lambda):
        returned = [node.body]
    return bool(returned) and all(
        value is not None and _is_new(value, scope, inference) for value in returned
    )


def _is_new(expression: ast.expr, scope: Scope, inference: Inference) -> bool:
    names = {n.id for n in nodes_in(expression) if isinstance(n, ast.Name)}
    origins = list(_origins(expression, scope, frozenset(), strict=True))
    is_kept = any(stores(body_of(scope.node), name) or _is_aliased(scope, name) for name in names)
    return (
        bool(origins)
        and not is_kept
        and all(_opens(origin, scope, inference) for origin in origins)
    )


def _opens(origin: ast.expr | None, scope: Scope, inference: Inference) -> bool:
    callee = inference.value(origin.func, scope) if isinstance(origin, ast.Call) else None
    if isinstance(callee, FunctionValue):
        return gives_new(callee, inference)
    value = inference.value(origin, scope) if origin is not None else None
    return isinstance(value, RoleValue) and value.role is Role.OPENED and value.source in _OPENING


def _is_aliased(scope: Scope, name: str) -> bool:
    """Tell whether a second name stands for what a name does, in a container or by itself."""
    return any(
        isinstance(node, (ast.Assign, ast.NamedExpr))
        and not isinstance(node.value, ast.Call)
        and names(node.value, name)
        for node in own_nodes(scope.node)
    )


def _stores(statement: ast.stmt, name: str) -> bool:
    match statement:
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            return name in names
        case ast.Assign(targets=targets, value=value):
            outlives = any(isinstance(t, _PLACES) for t in targets)
            local = any(is_name(t, name) for t in targets)
            return outlives and (local or is_name(value, name))
        case ast.Expr(value=ast.Call(func=function, args=arguments)):
            setter = isinstance(function, ast.Attribute) and function.attr in KEEPING
            setter = setter or is_name(function, "setattr")
            return setter and any(is_name(argument, name) for argument in arguments)
    return False


def _of_generator(
    function: FunctionValue,
    yields: list[ast.expr],
    inference: Inference,
) -> Result:
    if is_fixture(function.node):
        return Result()
    scope = function.scope.child(function.node)
    values = [inference.value(value, scope) for value in yields]
    handed = next((v for v in values if _is_handed(v)), None)
    if handed is None and all(value is None for value in values):
        handed = _yielded_by_annotation(function, inference)
    if not isinstance(handed, RoleValue):
        return Result()
    role = Role.PROVIDER if is_context_manager(function.node) else Role.DEPENDENCY
    return Result(role, handed, commits=handed.commits or _commits(function, inference))


def _is_handed(value: Value | None) -> bool:
    return isinstance(value, RoleValue) and value.role in (Role.OPENED, Role.LENT)


def _commits(function: FunctionValue, inference: Inference) -> bool:
    return leaves_of(function, inference).commits is not False


def _yielded_by_annotation(function: FunctionValue, inference: Inference) -> RoleValue | None:
    match getattr(function.node, "returns", None):
        case ast.Subscript(value=generator, slice=inner):
            name = getattr(generator, "attr", None) or getattr(generator, "id", "")
            item = inner.elts[0] if isinstance(inner, ast.Tuple) and inner.elts else inner
            if name in GENERATOR_TYPES:
                value = inference.annotated(item, function.scope)
                if isinstance(value, RoleValue) and value.role is Role.GIVEN:
                    return value
    return None


def _of_returned(returned: list[ast.expr], scope: Scope, inference: Inference) -> Result:
    others: list[Value] = []
    for expression in returned:
        value = inference.value(expression, scope)
        if value is None or isinstance(value, External):
            value = _stored_attribute(expression, scope, inference) or value
        if isinstance(value, RoleValue) and value.role in _HANDED_ROLES:
            is_new = not _is_stored(expression, scope) and _are_fresh(returned, scope, inference)
            is_kept = value.role is Role.OPENED and not is_new
            role = Role.LENDER if is_kept else _HANDED_ROLES[value.role]
            return Result(role, value, commits=value.commits)
        if value is not None:
            others.append(value)
    known = [value for value in others if isinstance(value, RoleValue)]
    returns = next(iter(known + others), None)
    if isinstance(returns, TupleValue):
        returns = _with_what_is_new(returns, returned, scope, inference)
    return Result(returns=returns)


def _with_what_is_new(
    value: TupleValue, returned: list[ast.expr], scope: Scope, inference: Inference
) -> TupleValue:
    """Take for new, of what a function returns side by side, only what is so on every way."""
    tuples = [each for each in returned if not isinstance(each, ast.Constant)]
    items, filled = list(value.items), tuples
    for index, item in enumerate(items):
        if isinstance(item, RoleValue) and item.role is Role.OPENED:
            parts = _parts(tuples, index)
            is_new = all(part and _is_only_here(part, scope, inference) for part in parts)
            items[index] = item if is_new else item._replace(role=Role.LENT)
            filled = [each for each in filled if not constants_in(_parts([each], index))]
    constants = (constants_in(_parts(filled, index)) for index in range(len(items)))
    return TupleValue(tuple(items), tuple(constants))


def _parts(tuples: list[ast.expr], index: int) -> list[ast.expr | None]:
    """Give what stands at a place in each of several tuples; None where one has no such place."""
    return [
        each.elts[index] if isinstance(each, ast.Tuple) and index < len(each.elts) else None
        for each in tuples
    ]


def _is_only_here(part: ast.expr, scope: Scope, inference: Inference) -> bool:
    return not _is_stored(part, scope) and _are_fresh([part], scope, inference)


def _are_fresh(returned: list[ast.expr], scope: Scope, inference: Inference) -> bool:
    """Tell whether all that a function returns is new, or None."""
    origins = [each for part in returned for each in _origins(part, scope, frozenset())]
    return all(_is_fresh(each, scope, inference) for each in origins)


def _is_fresh(origin: ast.expr | None, scope: Scope, inference: Inference) -> bool:
    if origin is None:
        return False
    value = inference.value(origin, scope)
    return isinstance(value, RoleValue) and value.role is Role.OPENED


def _origins(
    expression: ast.expr, scope: Scope, seen: frozenset[str], *, strict: bool = False
) -> Iterator[ast.expr | None]:
    """Give the expressions one of which an expression takes its value from.

    Args:
        expression: what is read.
        scope: the function.
        seen: the names that are followed already.
        strict: whether constants count, and what a call makes of a name's own value.

    Yields:
        The expressions; None for what comes from outside the function.
    """
    match expression:
        case ast.Constant() if not strict:
            return
        case ast.Await(value=inner) | ast.NamedExpr(value=inner):
            yield from _origins(inner, scope, seen, strict=strict)
        case ast.BoolOp(values=options):
            for option in options:
                yield from _origins(option, scope, seen, strict=strict)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _origins(body, scope, seen, strict=strict)
            yield from _origins(orelse, scope, seen, strict=strict)
        case ast.Name(id=name) if scope.bindings(name):
            for binding in scope.bindings(name) if name not in seen else ():
                yield from _bound_to(binding, name, scope, seen | {name}, strict=strict)
        case _:
            yield expression


def _bound_to(
    binding: Binding, name: str, scope: Scope, seen: frozenset[str], *, strict: bool
) -> Iterator[ast.expr | None]:
    match binding.how:
        case Assigned(value=value, path=()) | Annotated(value=ast.expr() as value):
            if strict or not _works_on(value, name):
                yield from _origins(value, scope, seen, strict=strict)
        case Annotated(value=None):
            return
        case Parameter():
            yield None
        case _:
            yield ast.Name(name, ast.Load())


def _works_on(value: ast.expr, name: str) -> bool:
    """Tell whether a name gets what a call makes of its own value: ``conn = configured(conn)``."""
    return isinstance(value, ast.Call) and any(is_name(part, name) for part in value.args)


def _is_stored(expression: ast.expr, scope: Scope) -> bool:
    body = getattr(scope.node, "body", None)
    if not isinstance(expression, ast.Name) or not isinstance(body, list):
        return False
    return stores(body, expression.id)


def _stored_attribute(expression: ast.expr, scope: Scope, inference: Inference) -> RoleValue | None:
    """Find a session that the function itself put where it returns it from (``return g.db``)."""
    body = getattr(scope.node, "body", None)
    if not isinstance(expression, _PLACES) or not isinstance(body, list):
        return None
    place = ast.unparse(expression)
    for value in _assigned_to(place, body):
        known = inference.value(value, scope)
        if isinstance(known, RoleValue) and known.role is Role.OPENED:
            return RoleValue(
                Role.LENT, known.resource, known.is_async, known.name, source=known.source
            )
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
