"""Sessions on a database that a function opens for itself, by a URL written out beside it."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.facts.acquisition.joining import making_call
from flake8_dbsession.analysis.names.inference import Inference, bound_to
from flake8_dbsession.analysis.names.scopes import Assigned, Scope
from flake8_dbsession.analysis.names.values import Role

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
    bind = bound_to(call) or bound_to(making_call(call, scope))
    function = scope.function()
    if not isinstance(bind, ast.Name) or function is None:
        return False
    engines = [_assigned_call(binding.how) for binding in function.bindings(bind.id)]
    return any(
        engine is not None
        and _is_engine_maker(engine, scope, inference)
        and _is_written_out(engine.args[0], scope)
        for engine in engines
    )


def _assigned_call(how: object) -> ast.Call | None:
    match how:
        case Assigned(value=ast.Call(args=[_, *_]) as call):
            return call
    return None


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
