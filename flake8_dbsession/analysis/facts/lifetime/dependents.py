"""Who has a dependency's session as well, which a framework gives to all that serves a request."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import islice

from flake8_dbsession.analysis.facts.acquisition.callers import is_same
from flake8_dbsession.analysis.facts.lifetime.error_ways import Sequel, sequels_after
from flake8_dbsession.analysis.facts.lifetime.hand_closes import injected_by
from flake8_dbsession.analysis.facts.lifetime.session_calls import SessionCalls
from flake8_dbsession.analysis.facts.scope.carrying import functions_of
from flake8_dbsession.analysis.flow import build
from flake8_dbsession.analysis.library.frameworks import INJECTORS
from flake8_dbsession.analysis.names.inference import Inference, injected_callable
from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.scopes import (
    FUNCTIONS,
    Parameter,
    Scope,
    body_of,
    last_segment,
)
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import nodes_in
from flake8_dbsession.analysis.source.mentions import Mentions

_DEEPEST = 3  # dependencies that depend on one another
_MOST_FILES = 40
_TESTS = ("conftest.", "test_")


def works_on_after(dependency: Scope, session: str, inference: Inference) -> bool:
    """Tell whether what a framework runs after a dependency works on with its session.

    A framework calls what gives the session once a request, and hands it to everybody who asks.

    Args:
        dependency: the scope of a function, which the project may inject.
        session: its parameter that is the session.
        inference: answers what is injected; its project is searched for who injects the function.
    """
    giver = _giver_of(session, dependency, inference)
    if giver is None:
        return False
    return any(
        _works_with(parameter, user, inference)
        for user in _users_of(dependency, inference)
        for parameter in _parameters_of(user)
        if _is_injected(parameter, giver, user, inference)
    )


def _giver_of(session: str, function: Scope, inference: Inference) -> Scope | None:
    """Give the function that a framework calls for a session; None where none is seen."""
    for binding in function.bindings(session):
        if isinstance(binding.how, Parameter):
            for given, scope in injected_by(binding.how, function, inference):
                value = inference.value(given, scope)
                if isinstance(value, FunctionValue) and not isinstance(value.node, ast.Lambda):
                    return value.scope.child(value.node)
    return None


def _users_of(dependency: Scope, inference: Inference, deep: int = _DEEPEST) -> Iterator[Scope]:
    """Find the functions that a framework runs after a dependency, which they ask for."""
    direct = list(_direct_users_of(dependency, inference)) if deep else []
    yield from direct
    for user in direct:
        if not user.node.decorator_list:  # type: ignore[union-attr]
            yield from _users_of(user, inference, deep - 1)


def _direct_users_of(dependency: Scope, inference: Inference) -> Iterator[Scope]:
    name = getattr(dependency.node, "name", "")
    written = rf"\b(?:{'|'.join(sorted(INJECTORS))})\(\s*(?:dependency\s*=\s*)?[\w.]*\b{name}\b"
    injecting = _modules(name, re.compile(written.encode()), dependency, inference)
    words = {alias for module in injecting for alias in _aliases_in(module, name)}
    modules = [
        *injecting,
        *(m for word in words for m in _modules(word, None, dependency, inference)),
    ]
    for module in dict.fromkeys(modules):
        mentions = Mentions(module.text, (name, *words))
        for node, outside in functions_of(module.scope):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            function = outside.child(node)
            if mentions.within(first, node.body[0].lineno) and _asks_for(
                dependency, function, inference
            ):
                yield function


def _modules(
    word: str, form: re.Pattern[bytes] | None, dependency: Scope, inference: Inference
) -> list[Module]:
    """Give the modules of the project that mention a word, a few at most and no tests."""
    modules = inference.project.modules_mentioning(word, dependency.module.path, form)
    return [each for each in islice(modules, _MOST_FILES) if not each.path.name.startswith(_TESTS)]


def _aliases_in(module: Module, name: str) -> Iterator[str]:
    """Give what a module calls ``Annotated[User, Depends(get_user)]``."""
    for statement in body_of(module.scope.node):
        match statement:
            case ast.Assign(targets=[ast.Name(id=alias)], value=ast.Subscript() as value):
                if any(last_segment(node) == name for node in nodes_in(value)):
                    yield alias


def _asks_for(dependency: Scope, function: Scope, inference: Inference) -> bool:
    """Tell whether a function is run after a dependency: as a parameter's, or the decorator's."""
    outside = function.parent or function
    for decorator in function.node.decorator_list:  # type: ignore[union-attr]
        for node in nodes_in(decorator):
            given = injected_callable(node, outside) if isinstance(node, ast.Call) else None
            if given is not None and is_same(inference.value(given, outside), dependency):
                return True
    return any(
        _is_injected(parameter, dependency, function, inference)
        for parameter in _parameters_of(function)
    )


def _parameters_of(function: Scope) -> Iterator[Parameter]:
    arguments = function.node.args  # type: ignore[union-attr]
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        for binding in function.bindings(argument.arg):
            if isinstance(binding.how, Parameter):
                yield binding.how


def _is_injected(parameter: Parameter, giver: Scope, function: Scope, inference: Inference) -> bool:
    """Tell whether a framework gives a parameter what it has of another function already."""
    if parameter.default is not None and "use_cache" in ast.unparse(parameter.default):
        return False
    given = injected_by(parameter, function, inference)
    return any(is_same(inference.value(each, scope), giver) for each, scope in given)


def _works_with(parameter: Parameter, function: Scope, inference: Inference) -> bool:
    """Tell whether a function works with the session that it is given, or commits what it adds."""
    node = function.node
    graph = build(node) if isinstance(node, FUNCTIONS) else None
    if graph is None:
        return False
    calls = SessionCalls(parameter.arg.arg, None, function, inference)
    return not sequels_after(None, graph, calls).isdisjoint({Sequel.COMMITTED, Sequel.USED})
