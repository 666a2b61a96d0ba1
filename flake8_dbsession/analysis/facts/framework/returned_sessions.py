"""Dependencies that return a session, which the framework then does not close."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import islice

from flake8_dbsession.analysis.facts.acquisition.callers import is_same
from flake8_dbsession.analysis.facts.framework.injections import (
    HandedOver,
    Injection,
    handed_over,
    injections,
    is_injector,
)
from flake8_dbsession.analysis.library.frameworks import INJECTORS
from flake8_dbsession.analysis.names.call_sites import scoped
from flake8_dbsession.analysis.names.inference import Inference, injected_callable
from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.scopes import Scope, body_of, last_segment
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import own_nodes, unawaited
from flake8_dbsession.analysis.source.mentions import Mentions
from flake8_dbsession.named_tuples import NamedTuple

_MOST_FILES = 40  # that inject a function of some name; one more would tell nothing new


class ReturnedSession(NamedTuple):
    """A new session or connection that a dependency returns.

    Attributes:
        function: the dependency.
        returned: what it returns, and where.
        handed: what the framework is handed, as it is written there.
        injection: the injection, where the dependency is a lambda, or goes by another name there;
            None where the ``return`` says it all.
    """

    function: FunctionValue
    returned: HandedOver
    handed: ast.expr
    injection: Injection | None = None


def returned_sessions(tree: Tree, inference: Inference) -> Iterator[ReturnedSession]:
    """Find the sessions that dependencies return.

    Args:
        tree: the visited part of a file.
        inference: answers what is injected; its project is searched for who injects a function.

    Yields:
        Each dependency of the file once, wherever it is injected, and what the file injects that no
        other file would tell of.
    """
    seen: set[ast.AST] = set()
    for injection in injections(tree, inference):
        function, returned = injection.function, injection.returned
        if function is None or returned is None or function.node in seen:
            continue
        if injection.is_here:
            seen.add(function.node)
            yield ReturnedSession(function, returned, injection.handed)
        elif not _tells(injection, function):
            yield ReturnedSession(function, returned, injection.handed, injection)
    for function in tree.calling_functions():
        if function.node in seen or not _returns_plainly(function.node):
            continue
        returned = handed_over(function, inference)
        scope = function.scope.child(function.node)
        handed = _injected_elsewhere(scope, inference) if returned is not None else None
        if returned is not None and handed is not None:
            yield ReturnedSession(function, returned, handed)


def _returns_plainly(function: ast.AST) -> bool:
    """Tell whether a function that is no generator returns what a name or a call gives."""
    nodes = own_nodes(function)
    returned = [node.value for node in nodes if isinstance(node, ast.Return)]
    values = map(unawaited, returned)
    return any(isinstance(value, ast.Call | ast.Name) for value in values) and not any(
        isinstance(node, ast.Yield) for node in nodes
    )


def _tells(injection: Injection, function: FunctionValue) -> bool:
    """Tell whether an injection is found from its dependency, by the names of both."""
    is_named = last_segment(injection.handed) == getattr(function.node, "name", None)
    return is_named and last_segment(injection.node.func) in INJECTORS


def _injected_elsewhere(function: Scope, inference: Inference) -> ast.expr | None:
    """Give what another module hands to a framework that is a function; None where none does."""
    name = function.node.name  # type: ignore[union-attr]
    form = re.compile(rf"\b(?:{'|'.join(sorted(INJECTORS))})\([^()]*\b{name}\b".encode())
    path, project = function.module.path, inference.project
    for module in islice(project.modules_mentioning(name, path, form), _MOST_FILES):
        for handed, scope in _handed_in(module, name, inference):
            if is_same(inference.value(handed, scope), function):
                return handed
    return None


def _handed_in(module: Module, name: str, inference: Inference) -> Iterator[tuple[ast.expr, Scope]]:
    """Find what a module hands to a framework under a name."""
    mentions = Mentions(module.text, (name,))
    for node, scope in scoped(body_of(module.scope.node), module.scope, mentions):
        if isinstance(node, ast.Call) and is_injector(node.func, scope, inference):
            handed = injected_callable(node, scope)
            if handed is not None and last_segment(handed) == name:
                yield handed, scope
