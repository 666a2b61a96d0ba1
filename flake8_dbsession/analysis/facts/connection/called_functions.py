"""Which functions of the project a call may be of, also by the name that a loop gives them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.scope.sequel import as_try
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Assigned, Scope
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import is_name, own_nodes


def functions_called(call: ast.Call, scope: Scope, inference: Inference) -> list[FunctionValue]:
    """Give the functions of the project that a call may be of; none where it may be another.

    Args:
        call: the call.
        scope: the function that it stands in.
        inference: answers what is called.
    """
    called = list(_turned_through(call.func, scope)) or [call.func]
    found = [inference.value(each, scope) for each in called]
    known = [value for value in found if isinstance(value, FunctionValue)]
    return known if len(known) == len(found) else []


def swallows(function: FunctionValue) -> bool:
    """Tell whether a function swallows errors, as far as its own handlers tell."""
    return any(
        not isinstance(handler.body[-1], ast.Raise)
        for node in own_nodes(function.node)
        if (tried := as_try(node)) is not None
        for handler in tried.handlers
    )


def _turned_through(name: ast.expr, scope: Scope) -> Iterator[ast.expr]:
    """Give what a name stands for in the turns of a loop over a list that is written out."""
    if not isinstance(name, ast.Name) or len(scope.bindings(name.id)) != 1:
        return
    for node in own_nodes(scope.node):
        match node:
            case ast.For(target=ast.Name(id=target), iter=items) if target == name.id:
                yield from _listed(items, scope)
            case ast.For(target=ast.Tuple(elts=targets), iter=items):
                places = [index for index, each in enumerate(targets) if is_name(each, name.id)]
                for item in _listed(items, scope) if places else ():
                    yield _part_of(item, places[0], len(targets))


def _listed(items: ast.expr, scope: Scope) -> list[ast.expr]:
    """Give the elements of a list that is written where it is gone through, or has a name."""
    if isinstance(items, ast.Name):
        match [binding.how for binding in scope.lookup(items.id)]:
            case [Assigned(value=value, path=())]:
                items = value
    return items.elts if isinstance(items, (ast.List, ast.Tuple)) else []


def _part_of(item: ast.expr, place: int, count: int) -> ast.expr:
    """Give one of the parts that an element is taken apart into; itself where they are not seen."""
    if isinstance(item, ast.Tuple) and len(item.elts) == count:
        return item.elts[place]
    return item
