"""Which errors a call raises: those of its database's library, or any."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Set
from typing import TypeAlias

from flake8_dbsession.analysis.flow.exceptions import ANY_EXCEPTION, Raised
from flake8_dbsession.analysis.library.drivers import PEP_249, driver_of
from flake8_dbsession.analysis.library.methods import (
    RESULTS,
    SCRIPTS,
    STREAMS,
    TRANSACTIONS,
    WORKING_BY_CURSOR,
)
from flake8_dbsession.analysis.library.queries import STILL_LAZY
from flake8_dbsession.analysis.library.wrappers import CLOSING
from flake8_dbsession.analysis.names.bindings import bindings_of
from flake8_dbsession.analysis.names.functions import is_context_manager
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import (
    Annotated,
    Assigned,
    Binding,
    Entered,
    Parameter,
    Scope,
    last_segment,
)
from flake8_dbsession.analysis.names.values import (
    HELD,
    External,
    FunctionValue,
    Resource,
    Role,
    RoleValue,
    Value,
)
from flake8_dbsession.analysis.nodes import own_nodes, unawaited

Classes: TypeAlias = tuple[str, ...]

_SQLALCHEMY = "sqlalchemy"
_RAW = ".raw_connection"
_SESSIONS = HELD | {Role.REGISTRY}
# What these give still works with the connection, and so fails as it does: a cursor, a query.
_PASSING = (
    RESULTS | SCRIPTS | STREAMS | TRANSACTIONS | STILL_LAZY | {"exec_driver_sql", "executemany"}
) | {"query", "transaction"}


def raised_by(call: ast.Call, scope: Scope, inference: Inference) -> Raised:
    """Tell what a call raises, if it does.

    Args:
        call: the call.
        scope: the scope that it stands in.
        inference: answers what is worked with.

    Returns:
        The library's own errors for a method of a connection, a cursor, a session, or what a
        session gives, such as a query, and for an opening; else any exception.
    """
    classes: Classes | None = None
    match call.func:
        case ast.Attribute(attr="put_nowait"):
            classes = ("Full",)
        case ast.Attribute(value=owner):
            classes = _of_methods(owner, scope, inference) or _of_session(owner, scope, inference)
    classes = classes or _of_function(call, scope, inference)
    return Raised(classes[0], bases=frozenset(classes[1:])) if classes else ANY_EXCEPTION


def _of_function(call: ast.Call, scope: Scope, inference: Inference) -> Classes | None:
    """Give the errors of what opens a connection, and of what works by a cursor."""
    match inference.value(call.func, scope):
        case RoleValue(role=Role.CONNECT, library=library):
            return driver_of(library).errors
        case External(name=name) if name in WORKING_BY_CURSOR and call.args:
            return _of_methods(call.args[0], scope, inference)
    return None


def _of_session(node: ast.expr, scope: Scope, inference: Inference) -> Classes:
    """Give the errors of a session, for what it gives in a chain of calls."""
    while isinstance(node, (ast.Attribute, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
        if isinstance(node, (ast.Attribute, ast.Name)):
            known = inference.value(node, scope)
            if isinstance(known, RoleValue) and _is_session(known):
                return driver_of(_SQLALCHEMY).errors
    return ()


def _is_session(known: RoleValue) -> bool:
    return known.resource is Resource.SESSION and known.role in _SESSIONS


def _of_methods(
    node: ast.expr, scope: Scope, inference: Inference, seen: Set[str] = frozenset()
) -> Classes | None:
    """Give the errors that the methods of an object raise.

    Returns:
        The class that they are of, and those above it; none for what is not known; None for what
        has no methods, or stands elsewhere as well.
    """
    match node:
        case ast.Constant(value=None):
            return None
        case ast.Await(value=inner) | ast.NamedExpr(value=inner):
            return _of_methods(inner, scope, inference, seen)
        case ast.Call(func=function, args=[inner]) if last_segment(function) in CLOSING:
            return _of_methods(inner, scope, inference, seen)
        case ast.BoolOp(values=options):
            return _common(_of_methods(each, scope, inference, seen) for each in options)
        case ast.IfExp(body=body, orelse=orelse):
            either = (body, orelse)
            return _common(_of_methods(each, scope, inference, seen) for each in either)
    known = inference.value(node, scope)
    if isinstance(known, RoleValue):
        return _of_known(known)
    if isinstance(node, ast.Call):
        return _of_result(node, scope, inference, seen)
    if not isinstance(node, (ast.Attribute, ast.Name)):
        return ()
    place = ast.unparse(node)
    if place in seen:
        return None
    bindings = bindings_of(node, scope, inference)
    return _common(_of_bound(each, inference, {*seen, place}) for each in bindings)


def _of_known(known: RoleValue) -> Classes:
    if _is_session(known):
        return driver_of(_SQLALCHEMY).errors
    if known.resource is not Resource.CONNECTION or known.role not in HELD:
        return ()
    return PEP_249 if known.name.endswith(_RAW) else driver_of(known.library).errors


def _of_result(call: ast.Call, scope: Scope, inference: Inference, seen: Set[str]) -> Classes:
    """Give the errors of what a call gives: of a cursor, or what still has one."""
    callee = inference.value(call.func, scope)
    if isinstance(callee, FunctionValue):
        return _given_by(callee, None, inference)
    match call.func:
        case ast.Attribute(value=maker, attr="cursor"):
            return _of_cursor(inference.value(maker, scope))
        case ast.Attribute(value=maker, attr=method) if method in _PASSING:
            return _of_methods(maker, scope, inference, seen) or ()
    return ()


def _of_cursor(maker: Value | None) -> Classes:
    """Give the errors of a cursor; below SQLAlchemy's connections it is the driver's."""
    if isinstance(maker, RoleValue) and maker.library not in ("", _SQLALCHEMY):
        return _of_known(maker)
    return PEP_249


def _of_bound(binding: Binding, inference: Inference, seen: Set[str]) -> Classes | None:
    match binding.how:
        case (
            Assigned(value=node, path=())
            | Annotated(value=ast.expr() as node)
            | Entered(context=node)
        ):
            return _of_methods(node, binding.scope, inference, seen)
        case Assigned(value=node, path=(index,)):
            call = unawaited(node)
            if isinstance(call, ast.Call):
                callee = inference.value(call.func, binding.scope)
                if isinstance(callee, FunctionValue):
                    return _given_by(callee, index, inference)
        case Annotated() | Parameter():
            return None
    return ()


def _given_by(function: FunctionValue, part: int | None, inference: Inference) -> Classes:
    """Give the errors of what a function of the project gives, or of a part of that."""
    scope = function.scope.child(function.node)

    def find() -> Classes:
        given = (each if part is None else _part(each, part) for each in _handed(function))
        return _common(_of_methods(each, scope, inference) for each in given) or ()

    return inference.questions.ask(scope.memory, ("errors of what it gives", part), find, ())


def _handed(function: FunctionValue) -> Iterator[ast.expr]:
    """Give what a function returns, or as a context manager yields."""
    if isinstance(function.node, ast.Lambda):
        yield function.node.body
        return
    kind = ast.Yield if is_context_manager(function.node) else ast.Return
    for node in own_nodes(function.node):
        if isinstance(node, kind) and node.value is not None:
            yield node.value


def _part(node: ast.expr, part: int) -> ast.expr:
    """Give a part of a tuple that is written out; nothing that is known of anything else."""
    match node:
        case ast.Tuple(elts=elements) if part < len(elements):
            return elements[part]
        case ast.Constant(value=None):
            return node
    return ast.Constant(...)


def _common(found: Iterable[Classes | None]) -> Classes | None:
    """Give the classes that catch all of several errors; None where there are none."""
    known = [classes for classes in found if classes is not None]
    if not known:
        return None
    return tuple(each for each in known[0] if all(each in classes for classes in known))
