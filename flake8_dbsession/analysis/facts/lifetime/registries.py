"""Sessions of registries, which code reaches without being given them."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.library.frameworks import CONTEXTS
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope, last_segment
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import own_nodes

_ENDING = frozenset({"commit", "rollback"})
_MOST = 50  # functions that one call is followed through; where there are more, nobody can know


def ends_at_block(context: ast.expr, scope: Scope, inference: Inference) -> bool:
    """Tell whether the end of a block may end the session of a registry.

    That of Flask's application context removes the session.
    """
    if not isinstance(context, ast.Call):
        return False
    return last_segment(context) in CONTEXTS or may_end(context, scope, inference)


def may_end(call: ast.Call, scope: Scope, inference: Inference) -> bool:
    """Tell whether a call runs code of the project that ends a transaction, of whatever session.

    Args:
        call: the call.
        scope: the scope that it stands in.
        inference: answers what is called.

    Returns:
        False as well for what cannot be followed, such as what a library does.
    """
    pending, seen = [(call, scope)], set[ast.AST]()
    while pending:
        each, around = pending.pop()
        callee = inference.value(each.func, around)
        if not isinstance(callee, FunctionValue) or callee.node in seen:
            continue
        seen.add(callee.node)
        calls = [node for node in own_nodes(callee.node) if isinstance(node, ast.Call)]
        if len(seen) > _MOST or any(map(_ends, calls)):
            return True
        inside = callee.scope.child(callee.node)
        pending += [(inner, inside) for inner in calls]
    return False


def _ends(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute):
        return False
    is_removal = call.func.attr == "remove" and not call.args
    return call.func.attr in _ENDING or is_removal
