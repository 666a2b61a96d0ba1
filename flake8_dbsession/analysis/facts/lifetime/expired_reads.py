"""Objects that are read after a rollback, which expires them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence, Set

from flake8_dbsession.analysis.facts.lifetime.session_objects import (
    bound_by,
    mentions,
    objects_at,
)
from flake8_dbsession.analysis.facts.lifetime.tried_code import TriedCode
from flake8_dbsession.analysis.library.python import LOOKING, MUTATORS, VALUES
from flake8_dbsession.analysis.lifetimes import constructs_by_name
from flake8_dbsession.analysis.names.scopes import LOOPS, Parameter, Scope, last_segment
from flake8_dbsession.analysis.nodes import arguments, dotted_name, nodes_in, own_nodes, root_of

_PLAIN_CALLS = LOOKING | VALUES
# What gives a value of its own, and no object that is to be loaded again.
_VALUES = (ast.Attribute, ast.BinOp, ast.Compare, ast.Constant, ast.JoinedStr, ast.UnaryOp)


def reads_after_rollback(handler: ast.ExceptHandler, session: str, code: TriedCode) -> bool:
    """Tell whether a session's objects are read once a handler has rolled back.

    Args:
        handler: the handler.
        session: the session as it is written.
        code: the function that it stands in.

    Returns:
        True where they are read in the handler, after it, or in the next turn of a loop around it
        that does not bind them anew.
    """
    nodes = own_nodes(code.function)
    objects = _objects_bound(nodes, session)
    later = [node for node in nodes if getattr(node, "lineno", 0) > handler.lineno]
    if any(_is_object(name, objects, session, code) for node in later for name in _read_by(node)):
        return True
    loop = code.loop_around(handler, session)
    turn = nodes_in(loop) if loop is not None else []
    fresh = frozenset(_bound_anew(turn))
    return any(
        name.id not in fresh and _is_object(name, objects, session, code)
        for node in turn
        for name in _read_by(node)
    )


def _is_object(name: ast.Name, objects: Set[str], session: str, code: TriedCode) -> bool:
    if not code.is_parameter(name.id):
        return name.id in objects
    calls = code.session_calls(session)
    return name.id in objects_at(name.lineno, [name], calls) or (
        _is_of_any_type(name.id, code.scope) and _is_given_beside(name.id, session, code)
    )


def _is_of_any_type(parameter: str, scope: Scope) -> bool:
    """Tell whether nothing says what a parameter is."""
    annotations = [
        binding.how.arg.annotation
        for binding in scope.bindings(parameter)
        if isinstance(binding.how, Parameter)
    ]
    return all(each is None or last_segment(each) == "Any" for each in annotations)


def _is_given_beside(name: str, session: str, code: TriedCode) -> bool:
    """Tell whether a call is given the session and, beside it, what a name stands for."""
    return any(
        {name, session} <= {dotted_name(given) for given in arguments(call)} for call in code.calls
    )


def _objects_bound(nodes: Sequence[ast.AST], session: str) -> frozenset[str]:
    """Give the names of what comes of a session, and of the containers that it is put into."""
    bindings = [
        (names, value)
        for node in nodes
        for names, value in bound_by(node)
        if isinstance(node, LOOPS) or not _is_value(value)
    ]
    objects = _reached(frozenset({session}), bindings)
    filled = frozenset(name for node in nodes for name in _filled_by(node, objects))
    return _reached(objects | filled, bindings) - {session}


def _reached(sources: frozenset[str], bindings: list[tuple[list[str], ast.expr]]) -> frozenset[str]:
    """Give the names that are bound to what comes of some names, with these."""
    found = sources
    while (
        more := {
            name
            for names, value in bindings
            if not found.issuperset(names) and mentions(value, found)
            for name in names
        }
        - found
    ):
        found |= more
    return found


def _filled_by(node: ast.AST, objects: Set[str]) -> Iterator[str]:
    """Give the name of a container that an object is put into."""
    match node:
        case ast.Call(func=ast.Attribute(value=container, attr=method)) if method in MUTATORS:
            root = root_of(container)
            is_put = any(isinstance(n, ast.Name) and n.id in objects for n in arguments(node))
            if is_put and isinstance(root, ast.Name):
                yield root.id


def _is_value(value: ast.expr) -> bool:
    match value:
        case ast.Call(func=ast.Name(id=name)) if name in _PLAIN_CALLS:
            return True
        case ast.Call():  # an object that is made here is new, and so nothing is loaded of it
            return constructs_by_name(value)
        case ast.ListComp(elt=element) | ast.SetComp(elt=element):
            return _is_value(element)
    return isinstance(value, _VALUES)


def _bound_anew(turn: Sequence[ast.AST]) -> Iterator[str]:
    """Give the names that each turn of a loop binds anew, but for the targets of loops."""
    for node in turn:
        if not isinstance(node, LOOPS):
            for names, _ in bound_by(node):
                yield from names


def _read_by(node: ast.AST) -> Iterator[ast.Name]:
    """Give the names that are read for an object's sake, as an attribute, an argument, a result."""
    match node:
        case ast.Attribute(value=ast.Name() as owner, ctx=ast.Load()):
            yield owner
        case ast.Call(func=ast.Name(id=name)) if name in _PLAIN_CALLS:
            pass
        case ast.Call():
            yield from (each for each in arguments(node) if isinstance(each, ast.Name))
        case ast.Return(value=ast.Name() as value) | ast.For(iter=ast.Name() as value):
            yield value
