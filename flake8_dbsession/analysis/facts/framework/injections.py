"""Injections: the callables that code hands to a framework, as in ``Depends(get_db)``."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.library.frameworks import INJECTING_PACKAGES
from flake8_dbsession.analysis.names.inference import Inference, injected_callable
from flake8_dbsession.analysis.names.scopes import Assigned, Entered, Scope, last_segment
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import External, FunctionValue, Role, RoleValue
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.named_tuples import NamedTuple


class HandedOver(NamedTuple):
    """A new session or connection that a function returns.

    Attributes:
        node: the ``return`` statement; for a lambda, its body.
        known: what is returned.
    """

    node: ast.Return | ast.expr
    known: RoleValue


class Injection(NamedTuple):
    """A ``Depends(...)``, wherever it stands.

    Attributes:
        node: the whole call.
        handed: what is handed to the framework.
        known: the part that it plays; None for what has nothing to do with sessions.
        is_found: whether what is handed (or, for a call, what is called) could be found.
        function: the project's function that is handed; None for anything else.
        returned: the new session or connection that this function returns; None where it does not.
        is_here: whether this function is a named one of the same file.
    """

    node: ast.Call
    handed: ast.expr
    known: RoleValue | None
    is_found: bool
    function: FunctionValue | None
    returned: HandedOver | None
    is_here: bool


def injections(tree: Tree, inference: Inference) -> Iterator[Injection]:
    """Find the callables that a file hands to a framework.

    Args:
        tree: the visited part of a file.
        inference: answers what the callables stand for.

    Yields:
        The injections: in parameters' defaults, ``Annotated`` types and their aliases, and lists.
    """
    for call, scope in tree.find(ast.Call):
        handed = injected_callable(call, scope)
        if handed is None or not _may_open(handed, tree):
            continue
        if not is_injector(call.func, scope, inference):
            continue
        value = inference.value(handed, scope)
        function = value if isinstance(value, FunctionValue) else None
        yield Injection(
            node=call,
            handed=handed,
            known=inference.role(value),
            is_found=_is_found(handed, scope, inference),
            function=function,
            returned=handed_over(function, inference) if function else None,
            is_here=_is_here(function, scope),
        )


def _may_open(handed: ast.expr, tree: Tree) -> bool:
    """Tell whether what is handed is worth following: most injections are of users and settings."""
    return isinstance(handed, ast.Lambda) or tree.is_of_interest(last_segment(handed))


def is_injector(function: ast.expr, scope: Scope, inference: Inference) -> bool:
    """Tell whether a name stands for ``Depends`` or what means the same in another framework.

    Args:
        function: what is called.
        scope: the scope it is read in.
        inference: answers what it stands for.

    Returns:
        True for a name that a framework defines, and for a ``Depends`` or ``Security`` that cannot
        be found; False for one that the project defines itself.
    """
    value = inference.value(function, scope)
    if isinstance(value, External):
        package, last = value.name.partition(".")[0], value.name.rpartition(".")[2]
        return package in INJECTING_PACKAGES or last == "Depends"
    return value is None and last_segment(function) in ("Depends", "Security")


def written_for(
    argument: ast.arg, default: ast.expr | None, outside: Scope, inference: Inference
) -> Iterator[tuple[ast.expr, Scope]]:
    """Give where a parameter may say what is injected: default, annotation, an alias of that.

    Args:
        argument: the parameter.
        default: its default; None for none.
        outside: the scope in which the function stands.
        inference: follows an alias.

    Yields:
        The expressions, each with the scope that it is read in.
    """
    for part in (default, argument.annotation):
        if part is not None:
            yield part, outside
    if isinstance(argument.annotation, ast.Name):
        for origin in inference.origins(argument.annotation.id, outside):
            if isinstance(origin.how, Assigned):
                yield origin.how.value, origin.scope


def handed_over(function: FunctionValue, inference: Inference) -> HandedOver | None:
    """Find where a function returns a new session or connection.

    Args:
        function: the function.
        inference: answers what its returns stand for.

    Returns:
        The first such place. A session returned out of the ``with`` block that closes it counts;
        one whose ``close`` the function hands on (``tasks.add_task(db.close)``) does not.
    """
    scope = function.scope.child(function.node)
    if isinstance(function.node, ast.Lambda):
        known = inference.known(function.node.body, scope)
        is_new = known is not None and known.role is Role.OPENED
        return HandedOver(function.node.body, known) if known and is_new else None
    role = inference.role(function)
    if role is None or role.role not in (Role.ACCESSOR, Role.LENDER):
        return None
    nodes = own_nodes(function.node)
    if any(map(_is_close_handed_on, nodes)):
        return None
    for node in nodes:
        if isinstance(node, ast.Return) and node.value is not None:
            known = _new(node.value, scope, inference, role)
            if known is not None:
                return HandedOver(node, known)
    return None


def _new(
    expression: ast.expr, scope: Scope, inference: Inference, role: RoleValue
) -> RoleValue | None:
    known = inference.known(expression, scope)
    if known is None:
        return None
    if known.role is Role.OPENED:
        return known if role.role is Role.ACCESSOR else None
    return known if _is_from_block(expression, scope, inference) else None


def _is_from_block(expression: ast.expr, scope: Scope, inference: Inference) -> bool:
    """Tell whether a name is bound by a ``with`` block of this function that opens a session."""
    if not isinstance(expression, ast.Name):
        return False
    contexts = [b.how.context for b in scope.bindings(expression.id) if isinstance(b.how, Entered)]
    opened = [inference.known(context, scope) for context in contexts]
    return any(known is not None and known.role is Role.OPENED for known in opened)


def _is_close_handed_on(node: ast.AST) -> bool:
    match node:
        case ast.Call(args=arguments):
            return any(isinstance(a, ast.Attribute) and a.attr == "close" for a in arguments)
    return False


def _is_here(function: FunctionValue | None, scope: Scope) -> bool:
    if function is None or isinstance(function.node, ast.Lambda):
        return False
    return function.scope.module is scope.module


def _is_found(handed: ast.expr, scope: Scope, inference: Inference) -> bool:
    named = handed.func if isinstance(handed, ast.Call) else handed
    value = inference.value(named, scope)
    return value is not None and not isinstance(value, External)
