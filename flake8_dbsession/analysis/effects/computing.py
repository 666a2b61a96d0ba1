"""Calls that only compute from what is there, or write it out: they neither wait nor open."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.effects.raising import is_imported
from flake8_dbsession.analysis.library.printing import PRINTERS
from flake8_dbsession.analysis.library.python import (
    COMPUTING_MODULES,
    IN_PLACE,
    QUIET,
    QUIET_FUNCTIONS,
    VALUE_METHODS,
    VIEWS,
    WITHOUT_EFFECT,
)
from flake8_dbsession.analysis.library.wrappers import CACHES, PLAIN_DECORATORS
from flake8_dbsession.analysis.names.functions import decorator_names
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import ClassValue, External, FunctionValue, RoleValue
from flake8_dbsession.analysis.nodes import own_nodes

LASTING = (ast.AsyncFor, ast.AsyncWith, ast.Await, ast.While)
"""What may wait, or go on for as long as it likes."""

_BUILTINS = QUIET | WITHOUT_EFFECT
_METHODS = (
    VALUE_METHODS
    | VIEWS
    | (IN_PLACE - {"put"})
    | {"dict", "getvalue", "model_dump", "model_dump_json"}
)


def only_computes(call: ast.Call, scope: Scope, inference: Inference) -> bool:
    """Tell whether a call only computes from what is there, or prints it.

    Args:
        call: the call.
        scope: the scope that it stands in.
        inference: answers what is called.

    Returns:
        True for builtins, methods of texts and containers, what Python's library has for values
        and texts, and functions and classes of the project that call nothing else. False for what
        is not known.
    """
    match call.func:
        case ast.Name(id=name) if name in _BUILTINS and not scope.lookup(name):
            return True
        case ast.Attribute(value=ast.Constant()):
            return True
    callee = inference.value(call.func, scope)
    if isinstance(callee, ClassValue):
        constructor = inference.constructor(callee)
        return constructor is None or _body_computes(constructor, inference)
    if isinstance(callee, FunctionValue):
        return _body_computes(callee, inference)
    if isinstance(callee, (External, RoleValue)):
        return isinstance(callee, External) and _is_of_values(callee.name)
    return _is_method_of_value(call) and not is_imported(call.func, scope)


def _is_method_of_value(call: ast.Call) -> bool:
    """Tell whether a call is, by its name, that of a text's, number's or container's method."""
    match call:
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=key), *_]):
            return "/" not in str(key)
    return isinstance(call.func, ast.Attribute) and call.func.attr in _METHODS


def _is_of_values(name: str) -> bool:
    return name in QUIET_FUNCTIONS | PRINTERS or name.partition(".")[0] in COMPUTING_MODULES


def _body_computes(function: FunctionValue, inference: Inference) -> bool:
    """Tell whether a function of the project only computes, as all does that it calls."""
    node = function.node
    if isinstance(node, (ast.AsyncFunctionDef, ast.Lambda)):
        return False
    if not decorator_names(node) <= PLAIN_DECORATORS | CACHES:
        return False
    scope = function.scope.child(node)
    return inference.questions.ask(
        scope.memory,
        "only computes",
        lambda: not any(_lasts(part, scope, inference) for part in own_nodes(node)),
        False,
    )


def _lasts(node: ast.AST, scope: Scope, inference: Inference) -> bool:
    """Tell whether a part of a function may take its time: a module runs where it is imported."""
    match node:
        case ast.Call():
            return not only_computes(node, scope, inference)
        case ast.Import(names=modules):
            return any(each.name.partition(".")[0] not in COMPUTING_MODULES for each in modules)
        case ast.ImportFrom(module=module, level=level):
            return bool(level) or (module or "").partition(".")[0] not in COMPUTING_MODULES
    return isinstance(node, LASTING)
