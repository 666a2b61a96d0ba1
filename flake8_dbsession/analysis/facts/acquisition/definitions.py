"""What a module defines: the factories, providers, dependencies and accessors for others."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import Role, RoleValue

HANDED_OUT = frozenset({Role.FACTORY, Role.ACCESSOR, Role.PROVIDER, Role.DEPENDENCY, Role.LENDER})


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


def _is_shared(target: ast.expr, scope: Scope) -> bool:
    """Tell whether a factory is for others: held by a module, a class or an object."""
    return isinstance(target, ast.Attribute) or scope.function() is None
