"""Whether what is done on a session or connection is permanent without a commit."""

from __future__ import annotations

import ast
import re

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.library.drivers import driver_of
from flake8_dbsession.analysis.library.queries import SELECTS
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.inference import Inference, bound_to
from flake8_dbsession.analysis.names.scopes import Scope, last_segment
from flake8_dbsession.analysis.names.texts import followed
from flake8_dbsession.analysis.names.values import FunctionValue, Resource, Role
from flake8_dbsession.analysis.names.versions import sqlalchemy_of
from flake8_dbsession.analysis.nodes import own_nodes

_OPTION = "autocommit"
_WORDS = ("autocommit", "isolation_level")
# Before this version an ``engine.connect()`` committed each statement that looked like a write
# (docs.sqlalchemy.org/en/20/changelog/migration_20.html).
_EXPLICIT_SINCE = 2


def commits_by_itself(opened: Acquisition, inference: Inference) -> bool:
    """Tell whether nothing needs to commit what is written on a session or connection.

    Args:
        opened: what is opened.
        inference: follows the names of engines, factories and options.

    Returns:
        True where its driver or an option says so, and where the text does not tell.
    """
    known, call, scope = opened.known, opened.node, opened.scope
    if driver_of(known.library).autocommits:
        return True
    callee = inference.value(call.func, scope)
    if isinstance(callee, FunctionValue):
        return _mentions(callee.node) or _is_old_style(opened, callee.scope, None, inference)
    if known.resource is Resource.SESSION:
        return _is_told_of_session(call, scope, inference)
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if known.library == "sqlalchemy":
        maker = _call_at(owner, scope, inference)
        if maker is not None and _is_told(maker, scope, inference):
            return True
        return _is_old_style(opened, scope, maker, inference)
    if known.source is Role.ACCESSOR:
        pool = _call_at(owner, scope, inference)
        return pool is None or _is_told(pool, scope, inference, by_default=True)
    return _is_told(call, scope, inference, by_default=known.library != "psycopg2")


def surely_commits_by_itself(opened: Acquisition) -> bool:
    """Tell whether each statement of a connection is seen to be permanent at once."""
    options = {(each.arg, ast.unparse(each.value)) for each in opened.node.keywords}
    is_told = not options.isdisjoint({(_OPTION, "True"), ("isolation_level", "None")})
    return driver_of(opened.known.library).autocommits or is_told


def _is_old_style(
    opened: Acquisition, scope: Scope, maker: ast.Call | None, inference: Inference
) -> bool:
    """Tell whether an engine's connection is one of SQLAlchemy 1, or may be."""
    known = opened.known
    is_engines = known.library == "sqlalchemy" and known.resource is Resource.CONNECTION
    if not is_engines or known.is_async or known.name.endswith(".raw_connection"):
        return False
    if maker is not None and any(keyword.arg == "future" for keyword in maker.keywords):
        return False
    function = opened.scope.function() or opened.scope.module.scope
    if _speaks_of_1(function, inference=inference):
        return True
    homes = [opened.scope, scope, *([known.home] if known.home is not None else [])]
    return not sqlalchemy_of(homes, inference.project).are_from(_EXPLICIT_SINCE)


@remembered
def _speaks_of_1(function: Scope, *, inference: Inference) -> bool:
    """Tell whether a function does what SQLAlchemy 2 refuses, so that it runs under 1 alone.

    That is to select a list, ``select([table])``, and to have an engine itself execute.
    """
    for node in own_nodes(function.node):
        match node:
            case ast.Call(func=select, args=[ast.List(), *_]) if (
                last_segment(select) == "select"
                and inference.qualified_name(select, function) in SELECTS
            ):
                return True
            case ast.Call(func=ast.Attribute(value=owner, attr="execute")):
                known = inference.known(owner, function)
                if known is not None and known.role is Role.ENGINE and not known.is_async:
                    return True
    return False


def _is_told_of_session(call: ast.Call, scope: Scope, inference: Inference) -> bool:
    """Tell whether a session, its factory or its engine is made with autocommit."""
    maker = _call_at(call.func, scope, inference) or call
    for each in (call, maker):
        bind = bound_to(each)
        engine = _call_at(bind, scope, inference) if bind is not None else None
        if any(_is_told(made, scope, inference) for made in (each, engine) if made is not None):
            return True
    return False


def _call_at(expression: ast.expr | None, scope: Scope, inference: Inference) -> ast.Call | None:
    """Give the call that a name, or an attribute, is assigned from."""
    if expression is None:
        return None
    value, _ = followed(expression, scope, inference)
    value = value.value if isinstance(value, ast.Await) else value
    return value if isinstance(value, ast.Call) else None


def _is_told(
    call: ast.Call, scope: Scope, inference: Inference, *, by_default: bool = False
) -> bool:
    """Tell whether an argument asks for autocommit; ``by_default`` for arguments out of sight."""
    for keyword in call.keywords:
        value, _ = followed(keyword.value, scope, inference)
        if keyword.arg is None and not isinstance(value, (ast.Call, ast.Dict)):
            if by_default:
                return True
        elif keyword.arg == _OPTION:
            if not (isinstance(value, ast.Constant) and value.value is False):
                return True
        elif keyword.arg == "isolation_level":
            if not isinstance(value, ast.Constant) or value.value in (None, "AUTOCOMMIT"):
                return True
        elif _asks(value):
            return True
    return any(map(_asks, call.args))


def _asks(value: ast.expr) -> bool:
    """Tell whether a value, such as a mapping of options or a URL, speaks of autocommit."""
    written = ast.unparse(value).lower()
    return _OPTION in written and not re.search(rf"{_OPTION}['\"]?\s*[:=]\s*false", written)


def _mentions(function: ast.AST) -> bool:
    written = ast.unparse(function)
    return any(word in written for word in _WORDS)
