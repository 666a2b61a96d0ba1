"""What a function of the project hands out: a session of its own, a borrowed one, a block."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from flake8_dbsession.analysis.names.scopes import Function, Scope, ScopeNode, statements
from flake8_dbsession.analysis.names.values import External, FunctionValue, Known, Role, Value
from flake8_dbsession.analysis.nodes import own_nodes

_CONTEXT_MANAGERS = frozenset({"contextmanager", "asynccontextmanager"})
_CACHES = frozenset({"cache", "lru_cache", "cached", "cache_resource", "singleton"})
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


class Summary(NamedTuple):
    """What calling a function gives.

    Attributes:
        role: the function's part (accessor, lender, provider, dependency); None for none of these.
        handed: the session or connection that it hands out.
        returns: the value returned, where that is of interest but makes the function no part.
        commits: whether it commits what was done with the session.
    """

    role: Role | None = None
    handed: Known | None = None
    returns: Value | None = None
    commits: bool = False


class Evaluator(Protocol):
    """What is needed of the inference."""

    def value(self, expression: ast.expr, scope: Scope) -> Value | None:
        """Tell what an expression stands for."""

    def annotated(self, annotation: ast.expr, scope: Scope) -> Value | None:
        """Tell what a value with this annotation is."""


def summarize(function: FunctionValue, evaluator: Evaluator) -> Summary:
    """Tell what a function hands out, from its decorators, yields, returns and annotation.

    Args:
        function: the function, with the scope it stands in.
        evaluator: answers what the expressions in it stand for.

    Returns:
        The summary; an empty one for a function that has nothing to do with sessions.
    """
    scope = function.scope.child(function.node)
    if isinstance(function.node, ast.Lambda):
        return _of_returned([function.node.body], scope, evaluator)
    names = decorator_names(function.node)
    if "overload" in names or "abstractmethod" in names:
        return _by_annotation(function.node, function.scope, evaluator)
    nodes = own_nodes(function.node)
    yields = [node.value for node in nodes if isinstance(node, ast.Yield) and node.value]
    if yields:
        return _of_generator(function, yields, nodes, evaluator)
    returned = [node.value for node in nodes if isinstance(node, ast.Return) and node.value]
    summary = _of_returned(returned, scope, evaluator)
    if summary.role is Role.ACCESSOR and names & _CACHES:
        return Summary(Role.LENDER, summary.handed)
    if summary.role is None and summary.returns is None:
        return _by_annotation(function.node, function.scope, evaluator)
    return summary


def decorator_names(node: ScopeNode) -> frozenset[str]:
    """Give the last names of a function's decorators: ``contextmanager``, ``get``, ``fixture``."""
    names = set()
    for decorator in getattr(node, "decorator_list", ()):
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(called, ast.Attribute):
            names.add(called.attr)
        elif isinstance(called, ast.Name):
            names.add(called.id)
    return frozenset(names)


def is_context_manager(node: ScopeNode) -> bool:
    """Tell whether a function is made a context manager by its decorator."""
    return bool(decorator_names(node) & _CONTEXT_MANAGERS)


def is_fixture(node: ScopeNode) -> bool:
    """Tell whether a function is a pytest fixture, by the name of its decorator."""
    return any(name.endswith("fixture") for name in decorator_names(node))


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
    evaluator: Evaluator,
) -> Summary:
    if is_fixture(function.node):
        return Summary()
    scope = function.scope.child(function.node)
    values = [evaluator.value(value, scope) for value in yields]
    handed = next((v for v in values if _is_handed(v)), None)
    if handed is None and all(value is None for value in values):
        handed = _yielded_by_annotation(function, evaluator)
    if not isinstance(handed, Known):
        return Summary()
    role = Role.PROVIDER if is_context_manager(function.node) else Role.DEPENDENCY
    return Summary(role, handed, commits=handed.commits or any(map(_is_commit, nodes)))


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


def _yielded_by_annotation(function: FunctionValue, evaluator: Evaluator) -> Known | None:
    match getattr(function.node, "returns", None):
        case ast.Subscript(value=generator, slice=inner):
            name = getattr(generator, "attr", None) or getattr(generator, "id", "")
            item = inner.elts[0] if isinstance(inner, ast.Tuple) and inner.elts else inner
            if name in _GENERATOR_TYPES:
                value = evaluator.annotated(item, function.scope)
                if isinstance(value, Known) and value.role is Role.GIVEN:
                    return value
    return None


def _of_returned(returned: list[ast.expr], scope: Scope, evaluator: Evaluator) -> Summary:
    others: list[Value] = []
    for expression in returned:
        value = evaluator.value(expression, scope)
        if value is None or isinstance(value, External):
            value = _stored_attribute(expression, scope, evaluator) or value
        if isinstance(value, Known) and value.role in _HANDED_ROLES:
            role = _HANDED_ROLES[value.role]
            if role is Role.ACCESSOR and _is_stored(expression, scope):
                role = Role.LENDER
            return Summary(role, value, commits=value.commits)
        if value is not None:
            others.append(value)
    known = [value for value in others if isinstance(value, Known)]
    return Summary(returns=next(iter(known + others), None))


def _is_stored(expression: ast.expr, scope: Scope) -> bool:
    body = getattr(scope.node, "body", None)
    if not isinstance(expression, ast.Name) or not isinstance(body, list):
        return False
    return stores(body, expression.id)


def _stored_attribute(expression: ast.expr, scope: Scope, evaluator: Evaluator) -> Known | None:
    """Find a session that the function itself put where it returns it from (``return g.db``)."""
    body = getattr(scope.node, "body", None)
    if not isinstance(expression, _PLACES) or not isinstance(body, list):
        return None
    place = ast.unparse(expression)
    for value in _assigned_to(place, body):
        known = evaluator.value(value, scope)
        if isinstance(known, Known) and known.role is Role.OPENED:
            return Known(Role.LENT, known.resource, known.is_async, known.name, source=known.source)
    return None


def _assigned_to(place: str, body: list[ast.stmt]) -> Iterator[ast.expr]:
    for statement in statements(body):
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, _PLACES) and ast.unparse(target) == place:
                    yield statement.value


def _by_annotation(node: Function, scope: Scope, evaluator: Evaluator) -> Summary:
    returns = getattr(node, "returns", None)
    return Summary(returns=evaluator.annotated(returns, scope) if returns is not None else None)
