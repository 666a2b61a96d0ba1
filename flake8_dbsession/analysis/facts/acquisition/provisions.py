"""Provisions: the places where code is given a session by the project's own means."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Holder, holder_of
from flake8_dbsession.analysis.facts.framework.injections import Injection, injections
from flake8_dbsession.analysis.names.inference import Inference, injected_callable
from flake8_dbsession.analysis.names.scopes import Assigned, Scope, last_segment
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import Role, RoleValue
from flake8_dbsession.analysis.nodes import dotted_name, nodes_in
from flake8_dbsession.named_tuples import NamedTuple

_GIVEN_BY_CALL = {Role.MANAGER: Role.PROVIDER, Role.LENT: Role.LENDER}


class Provision(NamedTuple):
    """A session or connection that code gets without opening it.

    Attributes:
        node: the provider's or lender's call, the ``Depends(...)``, or the parameter whose
            annotation is an alias for one.
        scope: the scope in which it is asked for.
        known: the provider, dependency or lender, by its role.
        names: the dotted names by which that goes, as written first.
        is_entered: whether a ``with`` block or an exit stack enters what a provider gives; True for
            a dependency or a lender.
    """

    node: ast.Call | ast.arg
    scope: Scope
    known: RoleValue
    names: tuple[str, ...]
    is_entered: bool = True


def provisions(tree: Tree, inference: Inference) -> Iterator[Provision]:
    """Find where a file is given sessions.

    Args:
        tree: the visited part of the file.
        inference: answers what calls and annotations stand for.

    Yields:
        The calls of providers and lenders, those left out that a function returns for its caller to
        enter, then the injections of dependencies: a ``Depends``
        once, where it is a parameter's or a class's own, and each parameter that is annotated with
        an alias for one.
    """
    yield from _called(tree, inference)
    yield from _injected(tree, inference)
    for function, scope in tree.functions():
        for arg in _parameters(function):
            if isinstance(arg.annotation, ast.Name):
                yield from _by_alias(arg, arg.annotation.id, scope, inference)


def _called(tree: Tree, inference: Inference) -> Iterator[Provision]:
    for call, scope in tree.find(ast.Call):
        if tree.is_of_interest(last_segment(call.func)):
            giver = _giver(call, scope, inference)
            if giver is None:
                continue
            names = inference.names(call.func, scope)
            if giver.role is Role.LENDER:
                yield Provision(call, scope, giver, names)
                continue
            holder, name, _ = holder_of(call, scope, tree)
            if holder is not Holder.RETURN:
                is_entered = holder is Holder.BLOCK or _is_entered_later(name, scope)
                yield Provision(call, scope, giver, names, is_entered)


def _is_entered_later(name: str, scope: Scope) -> bool:
    """Tell whether a ``with`` block of the same function enters what a name holds."""
    return bool(name) and any(
        isinstance(node, ast.withitem) and dotted_name(node.context_expr) == name
        for node in nodes_in(scope.node)
    )


def _injected(tree: Tree, inference: Inference) -> Iterator[Provision]:
    scopes = dict(tree.find(ast.Call))
    for injection in injections(tree, inference):
        known = injection.known
        if known is not None and known.role is Role.DEPENDENCY and _is_asked_for(injection, tree):
            scope = scopes[injection.node]
            yield Provision(injection.node, scope, known, inference.names(injection.handed, scope))


def _giver(call: ast.Call, scope: Scope, inference: Inference) -> RoleValue | None:
    """Give the provider or lender that a call asks, unless the call only passes something on."""
    callee = inference.known(call.func, scope)
    if callee is None or callee.role not in _GIVEN_BY_CALL.values():
        return None
    given = inference.known(call, scope)
    is_given = given is not None and _GIVEN_BY_CALL.get(given.role) is callee.role
    return callee if is_given else None


def _is_asked_for(injection: Injection, tree: Tree) -> bool:
    """Tell whether an injection gives a parameter or an attribute its session.

    One in a router's ``dependencies=[...]`` gives nobody one, and one in an alias gives it where
    the alias is used.
    """
    return any(
        isinstance(ancestor, (ast.arguments, ast.AnnAssign))
        for ancestor in tree.ancestors(injection.node)
    )


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    arguments = function.args
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]


def _by_alias(arg: ast.arg, alias: str, scope: Scope, inference: Inference) -> Iterator[Provision]:
    """Follow ``SessionDep``, which stands for ``Annotated[Session, Depends(get_db)]``."""
    for origin in inference.origins(alias, scope):
        match origin.how:
            case Assigned(value=ast.Subscript(slice=ast.Tuple(elts=[_, *metadata]))):
                for item in metadata:
                    handed = injected_callable(item, origin.scope)
                    known = inference.known(handed, origin.scope) if handed else None
                    if handed and known and known.role is Role.DEPENDENCY:
                        yield Provision(arg, scope, known, inference.names(handed, origin.scope))
