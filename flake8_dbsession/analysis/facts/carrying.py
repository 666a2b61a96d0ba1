"""Which sessions and connections go along with the arguments of a call."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterable, Iterator

from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.mentions import Mentions
from flake8_dbsession.analysis.names.scopes import (
    COMPREHENSIONS,
    FUNCTIONS,
    Binding,
    Entered,
    Scope,
    body_of,
    last_segment,
    statements,
)
from flake8_dbsession.analysis.names.values import (
    External,
    FunctionValue,
    Known,
    Resource,
    Role,
    Value,
)
from flake8_dbsession.analysis.nodes import arguments, children, own_nodes

_HELD = frozenset({Role.OPENED, Role.LENT, Role.GIVEN})
_WRAPPERS = frozenset({"partial", "repeat"})
_ENGINE = frozenset({"bind", "get_bind"})
_LOCKS = frozenset(
    {
        "threading.Lock()",
        "threading.RLock()",
        "asyncio.Lock()",
        "asyncio.locks.Lock()",
        "anyio.Lock()",
    }
)


def scopes_mentioning(module: Scope, words: Iterable[str]) -> Iterator[Scope]:
    """Find the functions of a linted module, and the module, whose text mentions any of some words.

    Args:
        module: the module's scope.
        words: what to look for.

    Yields:
        The scopes: the outer ones before those inside them.
    """
    text = module.module.text
    mentions = Mentions(text, words)
    pending = [module] if mentions.within(1, text.count("\n") + 1) else []
    while pending:
        scope = pending.pop()
        if not isinstance(scope.node, ast.ClassDef):
            yield scope
        for statement in statements(body_of(scope.node)):
            last = statement.end_lineno or statement.lineno
            is_scope = isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            if is_scope and mentions.within(statement.lineno, last):
                pending.append(scope.child(statement))  # type: ignore[arg-type]


def calls_in(
    scope: Scope, names: Container[str]
) -> Iterator[tuple[ast.Call, Scope, list[ast.AST]]]:
    """Find the calls that run with a function or module itself.

    Args:
        scope: the scope of the function or module.
        names: the last segments of the callees wanted.

    Yields:
        Each call with the scope it is read in and the nodes around it, the nearest first.
    """
    parents: dict[ast.AST, ast.AST] = {}
    stack: list[tuple[ast.AST, Scope]] = [(scope.node, scope)]
    while stack:
        node, inner = stack.pop()
        if isinstance(node, ast.Call) and last_segment(node.func) in names:
            yield node, inner, list(_around(node, parents))
        if node is not scope.node and isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            continue
        if isinstance(node, COMPREHENSIONS):
            inner = inner.child(node)
        inside = children(node)
        parents.update(dict.fromkeys(inside, node))
        stack += [(child, inner) for child in reversed(inside)]


def _around(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[ast.AST]:
    while node in parents:
        node = parents[node]
        yield node


def library_object(expression: ast.expr, scope: Scope, inference: Inference) -> str:
    """Give the qualified name of a library's object, also where its own ``with`` block names it.

    Args:
        expression: what names the object.
        scope: the scope it is read in.
        inference: answers what expressions stand for.

    Returns:
        A name such as ``concurrent.futures.ThreadPoolExecutor()``; empty for anything else.
    """
    value = inference.value(expression, scope)
    if value is None and isinstance(expression, ast.Name):
        value = _entered_object(scope.lookup(expression.id), inference)
    return value.name if isinstance(value, External) else ""


def _entered_object(bindings: list[Binding], inference: Inference) -> Value | None:
    for binding in bindings:
        if isinstance(binding.how, Entered):
            return inference.value(binding.how.context, binding.scope)
    return None


def as_session(expression: ast.expr, scope: Scope, inference: Inference) -> Known | None:
    """Give the session that a name or attribute stands for; a registry is none."""
    held = as_held(expression, scope, inference)
    return held if held is not None and held.resource is Resource.SESSION else None


def as_held(expression: ast.expr, scope: Scope, inference: Inference) -> Known | None:
    """Give the session or connection that a name or attribute stands for; a registry is none."""
    if not isinstance(expression, (ast.Name, ast.Attribute)):
        return None
    value = inference.value(expression, scope)
    return value if isinstance(value, Known) and value.role in _HELD else None


def carried(expression: ast.expr, scope: Scope, inference: Inference) -> Iterator[ast.expr]:
    """Find the sessions and connections that go along with an argument.

    Args:
        expression: the argument.
        scope: the scope it is read in.
        inference: answers what expressions stand for.

    Yields:
        The names and attributes that are such: the argument itself, an element of it, the
        receiver of a bound method, what a lambda or nested function captures. What only goes into
        a call that is made on the spot is none.
    """
    match expression:
        case ast.Name() | ast.Attribute() if as_held(expression, scope, inference):
            yield expression
        case ast.Name():
            yield from captured(expression, scope, inference)
        case ast.Lambda():
            yield from captured(expression, scope, inference)
        case ast.Attribute(value=receiver) if as_held(receiver, scope, inference):
            yield receiver
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            for part in parts:
                yield from carried(part, scope, inference)
        case ast.Dict(values=parts):
            for part in parts:
                yield from carried(part, scope, inference)
        case ast.Starred(value=inner):
            yield from carried(inner, scope, inference)
        case ast.Call(func=function) if last_segment(function) in _WRAPPERS:
            for part in arguments(expression):
                yield from carried(part, scope, inference)


def captured(function: ast.expr, scope: Scope, inference: Inference) -> Iterator[ast.expr]:
    """Find the sessions and connections that a lambda or nested function takes from around it.

    Args:
        function: the lambda, or the name of a function.
        scope: the scope it is read in.
        inference: answers what expressions stand for.

    Yields:
        The names that are such. Left out are those used under a lock, and those only asked for
        their engine.
    """
    value = inference.value(function, scope)
    if not isinstance(value, FunctionValue) or value.scope.function() is None:
        return
    inner = value.scope.child(value.node)
    guarded = {*_under_locks(value.node, inner, inference), *_asked_for_engine(value.node)}
    for node in own_nodes(value.node):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node not in guarded:
            bindings = inner.lookup(node.id)
            is_outer = any(b.scope is inner or b.scope.function() is None for b in bindings)
            if bindings and not is_outer and as_held(node, inner, inference):
                yield node


def _under_locks(function: ast.AST, scope: Scope, inference: Inference) -> Iterator[ast.AST]:
    for node in own_nodes(function):
        if isinstance(node, (ast.With, ast.AsyncWith)):
            contexts = (item.context_expr for item in node.items)
            if any(library_object(context, scope, inference) in _LOCKS for context in contexts):
                yield from own_nodes(node)


def _asked_for_engine(function: ast.AST) -> Iterator[ast.AST]:
    for node in own_nodes(function):
        if isinstance(node, ast.Attribute) and node.attr in _ENGINE:
            yield node.value
