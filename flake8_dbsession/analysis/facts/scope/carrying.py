"""Which sessions and connections go along with the arguments of a call."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from typing import TypeGuard

from flake8_dbsession.analysis.effects.locks import under_locks
from flake8_dbsession.analysis.effects.objects import attributes_used
from flake8_dbsession.analysis.facts.scope.idle_work import does_no_work
from flake8_dbsession.analysis.library.wrappers import HOLDER_NAMES
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import (
    COMPREHENSIONS,
    FUNCTIONS,
    Scope,
    body_of,
    last_segment,
    statements,
)
from flake8_dbsession.analysis.names.values import (
    HELD,
    FunctionValue,
    InstanceValue,
    Resource,
    Role,
    RoleValue,
)
from flake8_dbsession.analysis.nodes import arguments, children, own_nodes
from flake8_dbsession.analysis.source.mentions import Mentions

_ENGINE = frozenset({"bind", "get_bind", "info"})


def scopes_mentioning(module: Scope, words: Iterable[str]) -> Iterator[Scope]:
    """Find the functions of a linted module, and the module, whose text mentions any of some words.

    Args:
        module: the module's scope.
        words: what to look for.

    Yields:
        The scopes: the outer ones before those inside them.
    """
    mentions = _mentions(module, *words)
    if mentions:
        yield module
        for node, outside in functions_of(module):
            if mentions.within(node.lineno, node.end_lineno or node.lineno):
                yield outside.child(node)


@remembered
def _mentions(module: Scope, *words: str) -> Mentions:
    return Mentions(module.module.text, words)


@remembered
def functions_of(module: Scope) -> list[tuple[ast.FunctionDef | ast.AsyncFunctionDef, Scope]]:
    """Give the functions of a linted module, each with the scope that it stands in.

    Args:
        module: the module's scope.

    Returns:
        The functions: the outer ones before those inside them.
    """
    definitions = _mentions(module, "def", "class")
    found = []
    pending = [(node, module) for node in _definitions(body_of(module.node))]
    while pending:
        node, outside = pending.pop()
        if not isinstance(node, ast.ClassDef):
            found.append((node, outside))
        if definitions.within(node.body[0].lineno, node.end_lineno or node.lineno):
            inside = outside.child(node)
            pending += [(inner, inside) for inner in _definitions(node.body)]
    return found


def _definitions(
    body: list[ast.stmt],
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for statement in statements(body):
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield statement


def calls_in(
    scope: Scope, names: Collection[str]
) -> Iterator[tuple[ast.Call, Scope, list[ast.AST]]]:
    """Find the calls that run with a function or module itself.

    Args:
        scope: the scope of the function or module.
        names: the last segments of the callees wanted.

    Yields:
        Each call with the scope it is read in and the nodes around it, the nearest first.
    """
    module = scope.module
    words = [f"{name}(" for name in names]
    mentions = _mentions(module.scope, *words) if module.tree is not None else None
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
        if mentions is not None:
            inside = list(filter(mentions.touch, inside))
        parents.update(dict.fromkeys(inside, node))
        stack += [(child, inner) for child in reversed(inside)]


def _around(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[ast.AST]:
    while node in parents:
        node = parents[node]
        yield node


def as_session(expression: ast.expr, scope: Scope, inference: Inference) -> RoleValue | None:
    """Give the session that a name or attribute stands for; a registry is none."""
    held = as_held(expression, scope, inference)
    return held if held is not None and held.resource is Resource.SESSION else None


def as_held(expression: ast.AST, scope: Scope, inference: Inference) -> RoleValue | None:
    """Give the session or connection that a name or attribute stands for.

    A registry is none, nor is a property that opens another at each reading.
    """
    if not isinstance(expression, (ast.Name, ast.Attribute)):
        return None
    value = inference.value(expression, scope)
    if not isinstance(value, RoleValue) or value.role not in HELD:
        return None
    if isinstance(expression, ast.Attribute) and value.role is Role.OPENED:
        owner = inference.value(expression.value, scope)
        return None if isinstance(owner, InstanceValue) else value
    return value


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
        case ast.Name() | ast.Lambda():
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
        case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element) | ast.SetComp(elt=element):
            yield from carried(element, scope.child(expression), inference)
        case ast.Call(func=function) if last_segment(function) in HOLDER_NAMES:
            for part in arguments(expression):
                yield from carried(part, scope, inference)


def captured(function: ast.expr, scope: Scope, inference: Inference) -> Iterator[ast.expr]:
    """Find the sessions and connections that a lambda or nested function takes from around it.

    Args:
        function: the lambda, or the name of a function.
        scope: the scope it is read in.
        inference: answers what expressions stand for.

    Yields:
        The names that are such. Left out are those used under a lock, those only asked for their
        engine, and those that go to functions which do no work by them.
    """
    value = inference.value(function, scope)
    if not isinstance(value, FunctionValue) or value.scope.function() is None:
        return
    inner = value.scope.child(value.node)
    guarded = {*under_locks(value.node, inner, inference), *_asked_for_engine(value.node)}
    for node in own_nodes(value.node):
        if node not in guarded and _is_from_outside(node, inner):
            if as_held(node, inner, inference):
                if not _only_idles(node, inner, inference):
                    yield node
            elif isinstance(node, ast.Call):
                yield from of_receiver(node, inner, inference)


def _only_idles(node: ast.expr, function: Scope, inference: Inference) -> bool:
    """Tell whether a name stands in the call of a function that does no work by its session."""
    return isinstance(node, ast.Name) and any(
        node in arguments(call) and does_no_work(call, node.id, function, inference)
        for call in own_nodes(function.node)
        if isinstance(call, ast.Call)
    )


def _is_from_outside(node: ast.AST, function: Scope) -> TypeGuard[ast.expr]:
    """Tell whether a name, an attribute of one, or a method called on one comes from around."""
    root = node.func if isinstance(node, ast.Call) else node
    while isinstance(root, ast.Attribute):
        root = root.value
    if not isinstance(root, ast.Name) or not isinstance(root.ctx, ast.Load):
        return False
    bindings = function.lookup(root.id)
    return bool(bindings) and not any(
        binding.scope is function or binding.scope.function() is None for binding in bindings
    )


def of_receiver(call: ast.Call, scope: Scope, inference: Inference) -> Iterator[ast.expr]:
    """Find the sessions that a method works with because its object holds them: ``self.db``.

    Args:
        call: the call of the method.
        scope: the scope that it stands in.
        inference: answers what is called.

    Yields:
        The attributes, as they are read where the call stands.
    """
    method = inference.value(call.func, scope) if isinstance(call.func, ast.Attribute) else None
    if isinstance(method, FunctionValue) and isinstance(call.func, ast.Attribute):
        for name in attributes_used(method, inference):
            yield ast.Attribute(call.func.value, name, ast.Load())


def _asked_for_engine(function: ast.AST) -> Iterator[ast.AST]:
    for node in own_nodes(function):
        if isinstance(node, ast.Attribute) and node.attr in _ENGINE:
            yield node.value
