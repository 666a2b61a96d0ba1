"""What cannot be awaited: plain values, and what the project's plain functions give."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.effects.work.following import can_be_followed
from flake8_dbsession.analysis.library.python import MAKING, PLAIN, VALUES
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Assigned, Scope, last_segment
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import own_nodes

_NO_WORK = (
    *(ast.BinOp, ast.Compare, ast.Constant, ast.Dict, ast.DictComp, ast.JoinedStr, ast.List),
    *(ast.ListComp, ast.Set, ast.SetComp, ast.Tuple, ast.UnaryOp),
)
_BUILTINS = MAKING | VALUES
# https://docs.python.org/3/library/typing.html: they stand for the containers of those names
_PLAIN_NAMES = PLAIN | MAKING | {name.capitalize() for name in MAKING} | {"FrozenSet", "None"}
_OPTIONAL = frozenset({"Optional", "Union"})


def gives_no_awaitable(function: FunctionValue, inference: Inference) -> bool:
    """Tell whether a call of a function is over when it returns: it leaves nothing to be awaited.

    Args:
        function: a function of the project.
        inference: answers what its own calls stand for.

    Returns:
        True where it is no coroutine function, and says that it gives a plain value, or gives
        nothing else. False where its code does not tell.
    """
    node = function.node
    if not isinstance(node, ast.FunctionDef) or not can_be_followed(function):
        return False
    if node.returns is not None and _is_plain(node.returns):
        return True
    scope = function.scope.child(node)
    return inference.questions.ask(
        scope.memory,
        "gives no awaitable",
        lambda: all(
            _is_no_awaitable(part.value, scope, inference)
            for part in own_nodes(node)
            if isinstance(part, (ast.Return, ast.Yield)) and part.value is not None
        ),
        unknown=True,
        given_up=False,
    )


def _is_plain(annotation: ast.expr) -> bool:
    """Tell whether an annotation is of plain values, or of containers."""
    match annotation:
        case ast.Constant(value=None):
            return True
        case ast.Subscript(value=base, slice=options) if last_segment(base) in _OPTIONAL:
            return all(map(_is_plain, getattr(options, "elts", [options])))
        case ast.Subscript(value=base):
            return _is_plain(base)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _is_plain(left) and _is_plain(right)
        case ast.Name() | ast.Attribute():
            return last_segment(annotation) in _PLAIN_NAMES
    return False


def _is_no_awaitable(
    value: ast.expr, scope: Scope, inference: Inference, around: frozenset[str] = frozenset()
) -> bool:
    """Tell whether a value cannot be awaited; ``around`` are the names that it is the value of."""
    match value:
        case ast.IfExp(body=first, orelse=second):
            return all(_is_no_awaitable(v, scope, inference, around) for v in (first, second))
        case ast.BoolOp(values=several):
            return all(_is_no_awaitable(v, scope, inference, around) for v in several)
        case ast.Call(func=ast.Name(id=name)) if not scope.lookup(name):
            return name in _BUILTINS
        case ast.Call(func=function):
            callee = inference.value(function, scope)
            return isinstance(callee, FunctionValue) and gives_no_awaitable(callee, inference)
        case ast.Name(id=name):
            bindings = scope.bindings(name) if name not in around else []
            return bool(bindings) and all(
                isinstance(binding.how, Assigned)
                and not binding.how.path
                and _is_no_awaitable(binding.how.value, scope, inference, around | {name})
                for binding in bindings
            )
    return isinstance(value, _NO_WORK)
