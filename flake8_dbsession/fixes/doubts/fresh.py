"""Whether what a call opens is new each time, so that a block may close it."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.effects.work.loaded import MUTATORS
from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Assigned, Scope, last_segment
from flake8_dbsession.analysis.names.values import FunctionValue, Role
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Refusal

_STEPS = 4  # helpers that open by way of another; real code has two
# What gives a new session or connection at each call.
_OPENING = frozenset(
    {Role.CONNECT, Role.ENGINE, Role.EXTENSION, Role.FACTORY, Role.POOL, Role.SESSION_CLASS}
)
_HARMLESS = frozenset({"staticmethod", "classmethod", "override", "abstractmethod"})


def refuse_borrowed(acquisition: Acquisition, document: Document) -> None:
    """Refuse to put a block around what somebody else may hold.

    Args:
        acquisition: what is opened.
        document: the file.

    Raises:
        Refusal: a function of the project opens it, and not every way through that ends with a new
            session or connection that it keeps nowhere.
    """
    function = document.context.file.inference.value(acquisition.node.func, acquisition.scope)
    if isinstance(function, FunctionValue):
        inference = document.context.file.inference
        if not _gives_fresh(function, inference, _STEPS):
            raise Refusal(f"`{acquisition.text}` may give what somebody else holds")


def _gives_fresh(function: FunctionValue, inference: Inference, steps: int) -> bool:
    node = function.node
    scope = function.scope.child(node)
    if isinstance(node, ast.Lambda):
        return _is_fresh(node.body, scope, inference, steps)
    if not all(last_segment(decorator) in _HARMLESS for decorator in node.decorator_list):
        return False
    nodes = own_nodes(node)
    returned = [n.value for n in nodes if isinstance(n, ast.Return)]
    return bool(returned) and all(
        value is not None and _is_fresh(value, scope, inference, steps) for value in returned
    )


def _is_fresh(expression: ast.expr, scope: Scope, inference: Inference, steps: int) -> bool:
    match expression:
        case ast.Await(value=inner):
            return _is_fresh(inner, scope, inference, steps)
        case ast.IfExp(body=body, orelse=orelse):
            return all(_is_fresh(part, scope, inference, steps) for part in (body, orelse))
        case ast.Name(id=name):
            return _holds_fresh(name, scope, inference, steps)
        case ast.Call(func=function):
            value = inference.value(function, scope)
            if isinstance(value, FunctionValue):
                return steps > 0 and _gives_fresh(value, inference, steps - 1)
            known = inference.known(expression, scope)
            return known is not None and known.role is Role.OPENED and known.source in _OPENING
    return False


def _holds_fresh(name: str, scope: Scope, inference: Inference, steps: int) -> bool:
    """Tell whether a local name only ever holds something new, which nothing else keeps."""
    hows = [binding.how for binding in scope.bindings(name)]
    opened = [how.value for how in hows if isinstance(how, Assigned) and not how.path]
    if not hows or len(opened) != len(hows):
        return False
    if not all(_is_fresh(value, scope, inference, steps) for value in opened):
        return False
    return not any(_keeps(node, name) for node in own_nodes(scope.node))


def _keeps(node: ast.AST, name: str) -> bool:
    match node:
        case ast.Assign(targets=targets, value=value):
            is_named = any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(value))
            return is_named and not all(isinstance(target, ast.Name) for target in targets)
        case ast.Assign(value=ast.Name(id=found)) | ast.NamedExpr(value=ast.Name(id=found)):
            return found == name
        case ast.Call(func=ast.Attribute(attr=method)) if method in MUTATORS | {"set"}:
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            return any(isinstance(part, ast.Name) and part.id == name for part in given)
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            return name in names
    return False
