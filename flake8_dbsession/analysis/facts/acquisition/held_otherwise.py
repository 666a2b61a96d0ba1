"""What is opened by hand and needs nobody to close it by hand."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.effects.effects import Effects
from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.facts.acquisition.callers import is_only_executed
from flake8_dbsession.analysis.library.queries import QUERY_BUILDING
from flake8_dbsession.analysis.library.wrappers import CLOSING
from flake8_dbsession.analysis.lifetimes.fates import Outcome
from flake8_dbsession.analysis.names.functions import arguments_of
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.parents import ancestors_in, readings_in
from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.nodes import is_name, statements_after

_CLOSED_AT_END = frozenset({Outcome.CLOSED_AT_END})


def is_of_a_built_query(acquisition: Acquisition, tree: Tree, inference: Inference) -> bool:
    """Tell whether a session only builds a query, which other sessions execute.

    It is returned, as ``Session(engine).query(...).filter(...)``, and the project hands it to
    ``execute`` alone. No statement runs on the session itself, so that nothing is left to close.

    Args:
        acquisition: the session.
        tree: the visited part of the file.
        inference: answers what the calls of the function stand for.
    """
    node: ast.AST = acquisition.node
    function = acquisition.scope.function()
    is_built = False
    for above in tree.ancestors(node):
        match above:
            case ast.Attribute(attr=method) if method in QUERY_BUILDING:
                is_built = True
            case ast.Call(func=called) if called is node:
                pass
            case ast.Return() if is_built and function is not None:
                return is_only_executed(function, inference)
            case _:
                return False
        node = above
    return False


def is_entered_next(acquisition: Acquisition, tree: Tree) -> bool:
    """Tell whether the very next statement is a ``with`` block over what was opened.

    What ends the branch of an ``if`` is followed by what follows the ``if``.
    """
    following = _following(tree.statement(acquisition.node), tree)
    return isinstance(following, (ast.AsyncWith, ast.With)) and any(
        _enters(item.context_expr, acquisition.name) for item in following.items
    )


def is_guarded_below(acquisition: Acquisition, tree: Tree, inference: Inference) -> bool:
    """Tell whether a ``with`` block below is over a function that closes what was opened.

    Args:
        acquisition: what is opened.
        tree: the visited part of the file.
        inference: answers which function that is: ``with guard(session):``.
    """
    statement, function = tree.statement(acquisition.node), acquisition.scope
    if statement is None:
        return False
    for reading in readings_in(function).get(acquisition.name, ()):
        path = ancestors_in(reading, function)
        call = next((above for above in path if not isinstance(above, ast.keyword)), None)
        if not isinstance(call, ast.Call) or not isinstance(next(path, None), ast.withitem):
            continue
        below = next(path)
        if below in statements_after(statement, tree.parent(statement)):
            keys = (key for key, value in arguments_of(call) if value is reading)
            fates = (Effects(inference).fate(call, key, function) for key in keys)
            if any(fate.on_return == _CLOSED_AT_END for fate in fates):
                return True
    return False


def _following(statement: ast.AST | None, tree: Tree) -> ast.stmt | None:
    if statement is None:
        return None
    around = tree.parent(statement)
    after = statements_after(statement, around)
    if not after and isinstance(around, ast.If):
        return _following(around, tree)
    return next(iter(after), None)


def _enters(context: ast.expr, name: str) -> bool:
    match context:
        case ast.Call(func=function, args=[ast.Name() as inner]):
            return last_segment(function) in CLOSING and inner.id == name
    return is_name(context, name)
