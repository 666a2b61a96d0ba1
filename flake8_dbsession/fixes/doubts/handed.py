"""The ways to hand code, from outside, what it calls by a name that is none of its module's."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.nodes import nodes_in
from flake8_dbsession.named_tuples import NamedTuple

_NAMING = frozenset({"object", "setattr"})  # what replaces an attribute that a text names


class Way(NamedTuple):
    """A parameter by which a function, or a class, takes something.

    Attributes:
        taker: the function or class.
        name: the parameter.
        position: where it stands among those that can be given without their names.
    """

    taker: str
    name: str
    position: int


def ways_to(name: str, line: int, tree: ast.AST) -> list[Way]:
    """Give the parameters by which code is handed what it calls by a name.

    Args:
        name: the name: a parameter, or an attribute.
        line: the line of the call.
        tree: the module.
    """
    found = []
    for node in nodes_in(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and _is_around(node, line):
            found += _taking(name, node, node.name)
        elif isinstance(node, ast.ClassDef) and _is_around(node, line):
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name == "__init__":
                    for kept in _kept_as(name, method):
                        found += _taking(kept, method, node.name)
    return found


def handed(name: str, ways: list[Way], tree: ast.Module) -> Iterator[ast.expr]:
    """Find what a file hands code for a name.

    Args:
        name: the name, as an attribute of what the file may have.
        ways: the parameters that it is handed by.
        tree: the file.
    """
    for node in nodes_in(tree):
        match node:
            case ast.Assign(targets=targets, value=value):
                if any(isinstance(each, ast.Attribute) and each.attr == name for each in targets):
                    yield value
            case ast.Call(func=function, args=[_, ast.Constant(value=text), *_]) if text == name:
                if last_segment(function) in _NAMING:
                    yield node.args[2] if len(node.args) > 2 else node
            case ast.Call():
                yield from _given_by(node, ways)


def _given_by(call: ast.Call, ways: list[Way]) -> Iterator[ast.expr]:
    for way in ways:
        if last_segment(call.func) == way.taker:
            yield from call.args[way.position : way.position + 1]
            yield from (each.value for each in call.keywords if each.arg == way.name)


def _is_around(node: ast.stmt, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or 0)


def _taking(name: str, function: ast.FunctionDef | ast.AsyncFunctionDef, taker: str) -> list[Way]:
    given = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    if given[:1] in (["self"], ["cls"]):
        del given[0]
    if name in given:
        return [Way(taker, name, given.index(name))]
    named = any(each.arg == name for each in function.args.kwonlyargs)
    return [Way(taker, name, len(given))] if named else []


def _kept_as(attribute: str, method: ast.FunctionDef) -> Iterator[str]:
    """Give the names of which a method keeps the values in an attribute of its object."""
    for node in nodes_in(method):
        match node:
            case ast.Assign(targets=[ast.Attribute(attr=attr)], value=value) if attr == attribute:
                yield from (n.id for n in nodes_in(value) if isinstance(n, ast.Name))
