"""Generators that a framework or a ``with`` block drives, and raises its errors in."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.facts.framework.injections import injections
from flake8_dbsession.analysis.facts.lifetime.session_objects import mentions
from flake8_dbsession.analysis.names.functions import is_context_manager, is_fixture
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Assigned, Scope
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import FunctionValue, Role
from flake8_dbsession.analysis.nodes import arguments

DRIVEN = frozenset({Role.PROVIDER, Role.DEPENDENCY})
"""The roles of generators that are driven, whatever decorates or injects them."""


def is_driven(function: FunctionValue, tree: Tree, inference: Inference) -> bool:
    """Tell whether a generator is a context manager, or a dependency as far as its file tells.

    Args:
        function: the generator.
        tree: its file.
        inference: answers what it yields.

    Returns:
        False for pytest fixtures, in which a ``yield`` does not raise.
    """
    if isinstance(function.node, ast.Lambda) or is_fixture(function.node):
        return False
    known = inference.role(function)
    if (known is not None and known.role in DRIVEN) or is_context_manager(function.node):
        return True
    injected = (injection.function for injection in injections(tree, inference))
    return any(other is not None and other.node is function.node for other in injected)


def hands_out(handed: ast.Yield, name: str, scope: Scope) -> bool:
    """Tell whether a ``yield`` gives a name's value, or a local object that is made with it.

    Args:
        handed: the ``yield``.
        name: the name, or the attribute, as it is written.
        scope: the generator's scope.
    """
    if mentions(handed, {name}):
        return True
    if not isinstance(handed.value, ast.Name):
        return False
    match [binding.how for binding in scope.bindings(handed.value.id)]:
        case [Assigned(value=ast.Call() as made, path=())]:
            return any(mentions(argument, {name}) for argument in arguments(made))
    return False
