"""What a module defines: the factories, providers, dependencies and accessors for others."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import Role, RoleValue
from flake8_dbsession.named_tuples import NamedTuple

HANDED_OUT = frozenset({Role.FACTORY, Role.ACCESSOR, Role.PROVIDER, Role.DEPENDENCY, Role.LENDER})

_REGISTRIES = {Role.REGISTRY: "", Role.EXTENSION: ".session"}
"""What follows the name of what is made where its session is asked for."""


class Definition(NamedTuple):
    """A name under which a module or class hands out sessions or connections.

    Attributes:
        name: the name; for a method, without its class.
        known: its part.
        node: the function or the assigned expression.
        scope: the scope that the name stands in.
    """

    name: str
    known: RoleValue
    node: ast.AST
    scope: Scope


def definitions(tree: Tree, inference: Inference) -> Iterator[Definition]:
    """Find what a linted file defines at its top level and in its classes.

    Args:
        tree: the visited part of the file.
        inference: answers what the definitions stand for.

    Yields:
        Each factory, provider, dependency, accessor and lender.
    """
    for function in tree.calling_functions():
        known = inference.role(function)
        if known is not None and known.role in HANDED_OUT:
            name = getattr(function.node, "name", "lambda")
            yield Definition(name, known, function.node, function.scope)
    for assignment, scope in tree.find(ast.Assign):
        known = inference.known(assignment.value, scope)
        if known is not None and known.source is Role.FACTORY_MAKER and known.role is Role.FACTORY:
            for target in assignment.targets:
                if _is_shared(target, scope):
                    yield Definition(ast.unparse(target), known, assignment.value, scope)


def registries(module: ast.Module, scope: Scope, inference: Inference) -> Iterator[str]:
    """Give the registries of sessions that a module makes at its top level, as code names them.

    Args:
        module: its tree.
        scope: its scope.
        inference: answers what is made.

    Yields:
        The name of each ``scoped_session``, and ``db.session`` for an extension called ``db``.
    """
    for statement in module.body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as made)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.Call() as made)
            ):
                known = inference.known(made, scope)
                if known is not None and known.role in _REGISTRIES:
                    yield f"{name}{_REGISTRIES[known.role]}"


def _is_shared(target: ast.expr, scope: Scope) -> bool:
    """Tell whether a factory is for others: held by a module, a class or an object."""
    return isinstance(target, ast.Attribute) or scope.function() is None
