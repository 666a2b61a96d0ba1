"""Databases that a function opens for itself, by a URL written out beside it or given to it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.joining import making_call
from flake8_dbsession.analysis.library.python import NEW_EACH_TIME, NOW
from flake8_dbsession.analysis.names.inference import Inference, bound_to, injected_callable
from flake8_dbsession.analysis.names.scopes import Assigned, Entered, Parameter, Scope
from flake8_dbsession.analysis.names.values import Role
from flake8_dbsession.analysis.nodes import nodes_in, own_nodes

_CLOCKS = frozenset({f"datetime.datetime.{name}" for name in NOW})
_STEPS = 3  # a name in the value of another; real code has one


def has_own_database(call: ast.Call, scope: Scope, inference: Inference) -> bool:
    """Tell whether a session is bound to an engine which its function makes from a literal URL.

    Args:
        call: the call that gives the session.
        scope: the scope it stands in.
        inference: what names stand for.

    Returns:
        True for ``Session(engine)`` after ``engine = create_engine("sqlite://")`` in one function:
        no provider of the project opens that database.
    """
    return any(_is_written_out(url, scope) for url in _urls(call, scope, inference))


def has_given_database(call: ast.Call, scope: Scope, inference: Inference) -> bool:
    """Tell whether a session is bound to an engine that its function makes from a URL it is given.

    Args:
        call: the call that gives the session.
        scope: the scope it stands in.
        inference: what names stand for.
    """
    return any(is_given(url, scope) for url in _urls(call, scope, inference))


def _urls(call: ast.Call, scope: Scope, inference: Inference) -> Iterator[ast.expr]:
    """Give the URL of the engine that a function makes, and binds a session to."""
    bind = bound_to(call) or bound_to(making_call(call, scope))
    function = scope.function()
    if isinstance(bind, (ast.Attribute, ast.Name)) and function is not None:
        for engine in _assigned_calls(bind, function):
            if _is_engine_maker(engine, scope, inference):
                yield engine.args[0]


def _assigned_calls(place: ast.expr, function: Scope) -> Iterator[ast.Call]:
    """Give the calls that a function assigns to a name, or to an attribute of its object."""
    written = ast.unparse(place)
    for node in own_nodes(function.node):
        match node:
            case ast.Assign(targets=targets, value=ast.Call(args=[_, *_]) as call):
                if any(ast.unparse(target) == written for target in targets):
                    yield call


def is_given(url: ast.expr, scope: Scope, names: int = _STEPS) -> bool:
    """Tell whether a URL is made of what a function is given, by itself or by way of local names.

    Args:
        url: the URL.
        scope: the scope it stands in.
        names: how many names in the value of another are followed.

    Returns:
        False for what an injector gives, which is the same at each call.
    """
    return any(
        _is_plain_parameter(binding.how, scope)
        or (
            names > 0
            and isinstance(binding.how, Assigned)
            and binding.scope.function() is not None
            and is_given(binding.how.value, binding.scope, names - 1)
        )
        for node in nodes_in(url)
        if isinstance(node, ast.Name)
        for binding in scope.lookup(node.id)
    )


def is_new_each_time(
    url: ast.expr, scope: Scope, inference: Inference, names: int = _STEPS
) -> bool:
    """Tell whether a function makes another URL at each call, such as that of a temporary file.

    Args:
        url: the URL.
        scope: the scope it stands in.
        inference: answers what is called.
        names: how many names in the value of another are followed.
    """
    for node in nodes_in(url):
        if isinstance(node, ast.Call):
            name = inference.qualified_name(node.func, scope) or ""
            if name.startswith(NEW_EACH_TIME) or name in _CLOCKS:
                return True
        elif isinstance(node, ast.Name) and names > 0:
            for binding in scope.lookup(node.id):
                if binding.scope.function() is None:
                    continue
                match binding.how:
                    case Assigned(value=made) | Entered(context=made):
                        if is_new_each_time(made, binding.scope, inference, names - 1):
                            return True
    return False


def _is_plain_parameter(how: object, scope: Scope) -> bool:
    match how:
        case Parameter(arg=arg, default=default):
            is_injected = default is not None and injected_callable(default, scope) is not None
            return arg.arg not in ("self", "cls") and not is_injected
    return False


def _is_engine_maker(call: ast.Call, scope: Scope, inference: Inference) -> bool:
    known = inference.known(call.func, scope)
    return known is not None and known.role is Role.ENGINE_MAKER


def _is_written_out(url: ast.expr, scope: Scope, names: int = _STEPS) -> bool:
    """Tell whether a file writes a URL out, in one string or put together of several."""
    match url:
        case ast.Constant(value=str()):
            return True
        case ast.Name(id=name):
            hows = [binding.how for binding in scope.lookup(name)]
            return bool(hows) and all(
                names > 0
                and isinstance(how, Assigned)
                and _is_written_out(how.value, scope, names - 1)
                for how in hows
            )
        case ast.JoinedStr(values=parts):
            return all(_is_written_out(part, scope, names) for part in parts)
        case ast.FormattedValue(value=inner):
            return _is_written_out(inner, scope, names)
    return False
