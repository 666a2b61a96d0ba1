"""Classes whose objects stand for another object, to which they pass on what they have not."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.library.drivers import GIVINGS
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.scopes import Scope, body_of
from flake8_dbsession.analysis.nodes import arguments, is_name, own_nodes
from flake8_dbsession.named_tuples import NamedTuple

_METHODS = (ast.AsyncFunctionDef, ast.FunctionDef)
_LEAVINGS = frozenset({"__aexit__", "__exit__"})
_CLOSES = frozenset({"aclose", "close"})

_Method = ast.AsyncFunctionDef | ast.FunctionDef


class Proxied(NamedTuple):
    """What the objects of a class stand for.

    Attributes:
        parameter: the parameter of the constructor that they get it by.
        is_given_back: whether they have a ``close`` of their own that gives it back to its pool.
        closes_at_end: whether the end of a ``with`` block over one closes it itself.
    """

    parameter: str
    is_given_back: bool
    closes_at_end: bool


@remembered
def proxied(cls: Scope) -> Proxied | None:
    """Tell what the objects of a class stand for.

    Args:
        cls: the class's scope.

    Returns:
        What the constructor stores in the attribute to which ``__getattr__`` passes on; None where
        their own ``close``, or the end of a ``with`` block over one, does not end that too.
    """
    methods = {each.name: each for each in body_of(cls.node) if isinstance(each, _METHODS)}
    constructor, getter = methods.get("__init__"), methods.get("__getattr__")
    if constructor is None or getter is None:
        return None
    attribute = _passed_on_to(getter)
    stored = list(_stored_in(attribute, constructor)) if attribute else []
    if attribute is None or len(stored) != 1:
        return None
    leaving = [_ends_by(methods[name], attribute) for name in _LEAVINGS if name in methods]
    closing = [_ends_by(methods[name], attribute) for name in _CLOSES if name in methods]
    if not all((*leaving, *closing)):
        return None
    is_given_back = any(not each.isdisjoint(GIVINGS) for each in closing)
    return Proxied(stored[0], is_given_back, any(not each <= _LEAVINGS for each in leaving))


def _passed_on_to(getter: _Method) -> str | None:
    """Give the attribute that ``return getattr(self.attribute, name)`` looks in."""
    match getter.body[-1]:
        case ast.Return(
            value=ast.Call(func=ast.Name(id="getattr"), args=[looked_in, ast.Name(), *_])
        ):
            return _attribute_of_self(looked_in, getter)
    return None


def _stored_in(attribute: str, constructor: _Method) -> Iterator[str]:
    """Give the names that a constructor stores in an attribute, by whichever way."""
    for node in own_nodes(constructor):
        match node:
            case ast.Assign(targets=targets, value=ast.Name(id=name)):
                if any(_attribute_of_self(each, constructor) == attribute for each in targets):
                    yield name
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="object"), attr="__setattr__"),
                args=[owner, ast.Constant(value=stored), ast.Name(id=name)],
            ) if stored == attribute and _is_self(owner, constructor):
                yield name


def _ends_by(method: _Method, attribute: str) -> set[str]:
    """Give the names of what a method ends an attribute by: its own methods, or its pool's."""
    names = {
        target.id
        for node in own_nodes(method)
        if isinstance(node, ast.Assign) and _attribute_of_self(node.value, method) == attribute
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    def is_it(expression: ast.expr) -> bool:
        is_named = isinstance(expression, ast.Name) and expression.id in names
        return is_named or _attribute_of_self(expression, method) == attribute

    calls = [node for node in own_nodes(method) if isinstance(node, ast.Call)]
    found: set[str] = set()
    for call in calls:
        match call.func:
            case ast.Attribute(value=owner, attr=name) if name in _LEAVINGS | _CLOSES:
                found |= {name} if is_it(owner) else set()
            case ast.Attribute(attr=name) if name in GIVINGS:
                found |= {name} if any(map(is_it, arguments(call))) else set()
    return found


def _attribute_of_self(node: ast.expr, method: _Method) -> str | None:
    """Give the attribute of a method's object that an expression reads or sets."""
    match node:
        case ast.Attribute(value=owner, attr=name) if _is_self(owner, method):
            return name
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="object"), attr="__getattribute__"),
            args=[owner, ast.Constant(value=str(name))],
        ) if _is_self(owner, method):
            return name
    return None


def _is_self(node: ast.expr, method: _Method) -> bool:
    parameters = [*method.args.posonlyargs, *method.args.args]
    return bool(parameters) and is_name(node, parameters[0].arg)
