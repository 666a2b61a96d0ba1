"""Whether a class that keeps a session on its instances closes it anywhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.effects import Effects
from flake8_dbsession.analysis.effects.objects import makes_session
from flake8_dbsession.analysis.effects.said_to_close import closes
from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.library.drivers import GIVINGS, BlockEnd, driver_of
from flake8_dbsession.analysis.library.wrappers import (
    CLOSING,
    ENTERING,
    EXITING,
    REGISTERING,
    REGISTERING_FUNCTIONS,
)
from flake8_dbsession.analysis.lifetimes import Outcome
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.call_sites import scoped
from flake8_dbsession.analysis.names.functions import arguments_of
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import (
    Assigned,
    Scope,
    body_of,
    last_segment,
    statements,
)
from flake8_dbsession.analysis.names.values import ClassValue, FunctionValue, Resource
from flake8_dbsession.analysis.nodes import nodes_in, own_nodes, unawaited
from flake8_dbsession.named_tuples import NamedTuple

_CLOSES = frozenset(
    {
        "close",
        "aclose",
        "close_all",
        "remove",
        "invalidate",
        "terminate",
        "__exit__",
        "__aexit__",
    }
)
# The calls of libraries that close what they are given, give it back, or take it over to do so.
_TAKING_OVER = CLOSING | GIVINGS | REGISTERING | REGISTERING_FUNCTIONS
# What leaves a session or connection to whoever keeps it.
_LEAVING = frozenset(
    {
        Outcome.UNTOUCHED,
        Outcome.ADDED_TO,
        Outcome.USED,
        Outcome.GIVEN_BACK,
        Outcome.USED_AND_GIVEN_BACK,
    }
)


class _Blocks(NamedTuple):
    """Which ``with`` blocks give back what an object keeps.

    Attributes:
        close: whether ``with self.conn:`` does.
        begin: whether ``with self.db.begin():`` does, as a session's does.
    """

    close: bool
    begin: bool


class _Handing(NamedTuple):
    """An argument of a call.

    Attributes:
        call: the call.
        key: the argument's position or keyword.
        scope: the scope that the call stands in.
        is_itself: whether what is asked about is the argument, and not held by it.
    """

    call: ast.Call
    key: int | str
    scope: Scope
    is_itself: bool


def is_closed_by_class(acquisition: Acquisition, inference: Inference) -> bool:
    """Tell whether anything can be seen to close a session kept on ``self``.

    Args:
        acquisition: a session held by an attribute of ``self``.
        inference: answers what the class's bases are.

    Returns:
        True where the class, one of its bases in the project or a subclass in the same file closes
        it or delegates to it, where other code of the file closes it from outside, and where a
        base class cannot be found. What ``__enter__`` opens, ``__exit__`` has to close.
    """
    if is_entering(acquisition):
        return _is_closed_on_leaving(acquisition, inference)
    scope = acquisition.scope.enclosing_class()
    target = acquisition.target
    if scope is None or scope.parent is None or not isinstance(target, ast.Attribute):
        return True
    bases = _bases(scope, inference=inference)
    if bases is None:
        return True
    module = scope.module.scope
    subclasses = _subclasses(module, inference=inference).get(scope, [])
    blocks = _blocks_of(acquisition)
    members = (scope, *bases, *subclasses)
    if any(target.attr in _closed_attributes(cls, blocks, inference=inference) for cls in members):
        return True
    if target.attr in _closed_from_outside(module):
        return True
    return any(_hands_over(cls, target.attr, inference) for cls in members)


def is_entering(acquisition: Acquisition) -> bool:
    """Tell whether the method opens something that enters the object: ``__enter__``."""
    function = acquisition.scope.function()
    return function is not None and getattr(function.node, "name", "") in ENTERING


def _is_closed_on_leaving(acquisition: Acquisition, inference: Inference) -> bool:
    """Tell whether ``__exit__`` closes what ``__enter__`` keeps, or a method that it calls.

    Where a class has no such method nothing enters the object, and it counts as closed.
    """
    scope = acquisition.scope.enclosing_class()
    target = acquisition.target
    if scope is None or not isinstance(target, ast.Attribute):
        return True
    bases = _bases(scope, inference=inference)
    if bases is None:
        return True
    methods = {name: method for cls in (*bases, scope) for name, method in _methods(cls).items()}
    leaving = [name for name in EXITING if name in methods]
    pending, seen = list(leaving), set(leaving)
    while pending:
        method = methods[pending.pop()]
        if target.attr in _closed_in(method, _blocks_of(acquisition), inference):
            return True
        if _hands_over(method, target.attr, inference):
            return True
        called = _called_on_self(method.node) & methods.keys() - seen
        seen |= called
        pending += called
    return not leaving


@remembered
def _methods(cls: Scope) -> dict[str, Scope]:
    return {
        statement.name: cls.child(statement)
        for statement in statements(body_of(cls.node))
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef))
    }


def _called_on_self(method: ast.AST) -> set[str]:
    return {
        node.func.attr
        for node in nodes_in(method)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "self"
    }


@remembered
def _bases(cls: Scope, *, inference: Inference) -> set[Scope] | None:
    """Give the base classes in the project, at any depth; None where one cannot be found."""
    found: set[Scope] = set()
    pending = [cls]
    while pending:
        current = pending.pop()
        for base in current.node.bases:  # type: ignore[union-attr]
            named = base.value if isinstance(base, ast.Subscript) else base
            value = inference.value(named, current.parent or current)
            if value is None and last_segment(named) != "object":
                return None
            if isinstance(value, ClassValue):
                scope = value.scope.child(value.node)
                if scope not in found:
                    found.add(scope)
                    pending.append(scope)
    return found


@remembered
def _subclasses(module: Scope, *, inference: Inference) -> dict[Scope, list[Scope]]:
    """Sort the classes at the top level of a linted module by their bases."""
    found: dict[Scope, list[Scope]] = {}
    for statement in statements(body_of(module.node)):
        if isinstance(statement, ast.ClassDef):
            for base in statement.bases:
                value = inference.value(base, module)
                if isinstance(value, ClassValue):
                    of_base = found.setdefault(value.scope.child(value.node), [])
                    of_base.append(module.child(statement))
    return found


def _blocks_of(acquisition: Acquisition) -> _Blocks:
    is_session = acquisition.known.resource is Resource.SESSION
    return _Blocks(BlockEnd.CLOSES in driver_of(acquisition.known.library).block, is_session)


@remembered
def _closed_attributes(cls: Scope, blocks: _Blocks, *, inference: Inference) -> frozenset[str]:
    """Give the attributes that a class closes, by themselves or by a name that stands for one."""
    return _closed_in(cls, blocks, inference)


def _closed_in(root: Scope, blocks: _Blocks, inference: Inference) -> frozenset[str]:
    nodes = nodes_in(root.node)
    closed = [
        expression
        for node in nodes
        if not (
            isinstance(node, ast.withitem) and makes_session(node.context_expr, root, inference)
        )
        for expression in _closed(node, blocks)
    ]
    names = {expression.id for expression in closed if isinstance(expression, ast.Name)}
    attributes = {name for expression in closed for name in _attributes(expression, blocks.begin)}
    for node in nodes:
        targets, value = _assignment(node)
        if value is not None and not names.isdisjoint(_names(targets)):
            attributes |= {name for part in (*targets, value) for name in _attributes(part)}
    for node in nodes:
        targets, value = _assignment(node)
        # Closing what was awaited closes what was to be: ``self.conn = await self.connecting``.
        match unawaited(value) if value is not None else None:
            case ast.Attribute(value=ast.Name(), attr=name):
                if any(not attributes.isdisjoint(_attributes(target)) for target in targets):
                    attributes.add(name)
    got = {name for node in nodes for name in _got_by(node, attributes)}
    return frozenset(attributes | got)


def _got_by(node: ast.AST, names: set[str]) -> Iterator[str]:
    """Give the attribute that a getter or property returns which has one of some names."""
    if isinstance(node, (ast.AsyncFunctionDef, ast.FunctionDef)) and node.name in names:
        for statement in own_nodes(node):
            match statement:
                case ast.Return(value=ast.Attribute(value=ast.Name(), attr=name)):
                    yield name


def _closed(node: ast.AST, blocks: _Blocks) -> list[ast.AST]:
    """Give what a node closes, or delegates to."""
    match node:
        case ast.Attribute(value=closed, attr=method) if method in _CLOSES:
            return [closed]
        case ast.withitem(context_expr=context):
            is_plain = isinstance(context, (ast.Attribute, ast.Name))
            return [context] if blocks.close or not is_plain else []
        case ast.FunctionDef(name="__getattr__"):
            return [node]
    return []


def _hands_over(root: Scope, attribute: str, inference: Inference) -> bool:
    """Tell whether code gives what an attribute holds to a call that closes or keeps it, or may.

    Args:
        root: the class or method.
        attribute: the attribute of its object.
        inference: answers what is called.
    """
    handings = _handings(root).get(attribute, ())
    return any(_takes_over(handing, inference) for handing in handings)


@remembered
def _handings(root: Scope) -> dict[str, list[_Handing]]:
    """Sort the arguments of the calls in a class or function by the attributes that they hold."""
    found: dict[str, list[_Handing]] = {}
    for call, scope in scoped(body_of(root.node), root):
        if isinstance(call, ast.Call):
            for key, argument in arguments_of(call):
                is_itself = isinstance(argument, (ast.Attribute, ast.Name))
                for attribute in set(_reached(argument, scope)):
                    found.setdefault(attribute, []).append(_Handing(call, key, scope, is_itself))
    return found


def _reached(argument: ast.expr, scope: Scope) -> Iterator[str]:
    """Give the attributes whose values an argument is, or holds, by whatever name."""
    match argument:
        case ast.Name(id=name):
            for binding in scope.bindings(name):
                if isinstance(binding.how, Assigned):
                    yield from _attributes(binding.how.value)
        case other if not isinstance(other, ast.Constant):
            yield from _attributes(other)


def _takes_over(handing: _Handing, inference: Inference) -> bool:
    call, key, scope, is_itself = handing
    is_of_project = isinstance(inference.value(call.func, scope), (ClassValue, FunctionValue))
    says_so = last_segment(call.func) in _TAKING_OVER or closes(call, scope, inference)
    if says_so and not is_of_project:
        return True
    fate = Effects(inference).fate(call, key, scope, is_held=not is_itself)
    return not fate.on_return <= _LEAVING


def _attributes(node: ast.AST, begins: bool = False) -> Iterator[str]:
    """Give the attributes that code hands on, also by ``getattr(self, "db")``.

    What a method gives is not the object that it is called on: a connection is not closed with its
    cursor.
    """
    pending = [node]
    while pending:
        match pending.pop():
            case ast.Attribute(attr=name, value=value):
                yield name
                pending.append(value)
            case ast.Constant(value=str(name)):
                yield name
            case ast.Call(
                func=ast.Attribute(value=owner, attr=method), args=args, keywords=keywords
            ) if not (begins and method == "begin"):
                if isinstance(owner, ast.Name):
                    yield method  # which may be a getter of the object's own
                pending += [*args, *keywords]
            case other:
                pending += ast.iter_child_nodes(other)


def _assignment(node: ast.AST) -> tuple[list[ast.expr], ast.expr | None]:
    """Give the targets and the value of what binds names; no value for anything else."""
    match node:
        case ast.Assign(targets=targets, value=value):
            return targets, value
        case ast.NamedExpr(target=target, value=value) | ast.For(target=target, iter=value):
            return [target], value
    return [], None


def _names(targets: list[ast.expr]) -> Iterator[str]:
    for target in targets:
        yield from (node.id for node in nodes_in(target) if isinstance(node, ast.Name))


@remembered
def _closed_from_outside(module: Scope) -> frozenset[str]:
    """Give the attributes that a linted module closes on any object: ``service.db.close()``."""
    return frozenset(
        node.value.attr
        for node in nodes_in(module.node)
        if isinstance(node, ast.Attribute)
        and node.attr in _CLOSES
        and isinstance(node.value, ast.Attribute)
        and not (isinstance(node.value.value, ast.Name) and node.value.value.id in ("self", "cls"))
    )
