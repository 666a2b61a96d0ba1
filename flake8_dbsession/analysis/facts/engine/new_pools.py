"""Engines and connection pools that functions make: themselves, by a getter, or in a service."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import chain

from flake8_dbsession.analysis.facts.engine.engine_keeping import handed_out_by, is_kept, may_make
from flake8_dbsession.analysis.facts.engine.engines import pool_class_of, sizes_in
from flake8_dbsession.analysis.facts.engine.own_databases import is_given, is_new_each_time
from flake8_dbsession.analysis.facts.engine.repeated_work import repeated_functions
from flake8_dbsession.analysis.facts.scope.carrying import functions_of
from flake8_dbsession.analysis.library.pools import KEEPS_NONE
from flake8_dbsession.analysis.names.call_sites import calls_of
from flake8_dbsession.analysis.names.functions import arguments_of, receiving_parameter
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import (
    Parameter,
    Scope,
    last_segment,
)
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import (
    POOL_MAKING,
    ClassValue,
    FunctionValue,
    Role,
    RoleValue,
)
from flake8_dbsession.analysis.nodes import nodes_in, own_nodes, shown
from flake8_dbsession.named_tuples import NamedTuple

_DISPOSING = frozenset({"closeall", "dispose"})
_STEPS = 1  # an object that makes one which makes the engine


class NewPool(NamedTuple):
    """A call in a function that makes an engine or a pool.

    Attributes:
        node: the call: of the maker, of a getter that hands a new one out each time, or of a class
            each of whose objects makes its own.
        scope: the scope it stands in.
        what: what is made: an engine or a connection pool.
        by: the class whose objects make it; empty where a function does.
        is_kept: whether the function returns, yields, stores, caches or disposes of it.
        is_of_argument: whether what the function is given says where it connects to.
        is_of_call: whether the function makes another URL at each call, as of a temporary file.
        sizes: the options of the call that only a pool of several connections takes.
    """

    node: ast.Call
    scope: Scope
    what: str
    by: str
    is_kept: bool
    is_of_argument: bool
    is_of_call: bool = False
    sizes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The call as it is written, its arguments left out where they are long."""
        return shown(self.node)


class _Made(NamedTuple):
    """What an object makes for itself.

    Attributes:
        maker: what makes the engine or pool.
        is_of_argument: whether what the constructor is given says where it connects to.
    """

    maker: RoleValue
    is_of_argument: bool


def new_pools(tree: Tree, inference: Inference) -> Iterator[NewPool]:
    """Find the engines and pools that functions make.

    Args:
        tree: the visited part of a file.
        inference: answers what is called.

    Yields:
        The calls, those that make an engine without a pool (``NullPool``) left out.
    """
    for call, scope in tree.find(ast.Call):
        if scope.function() is None or not may_make(call):
            continue
        maker = _maker(call, scope, inference)
        if maker is not None:
            kept = is_kept(call, scope, inference)
            yield NewPool(
                call,
                scope,
                _what(maker),
                "",
                kept,
                is_of_argument=_is_of_argument(call, scope),
                is_of_call=any(is_new_each_time(u, scope, inference) for u in _urls(call)),
                sizes=sizes_in(call, scope, inference),
            )
    yield from _of_services(tree, inference)


def _maker(call: ast.Call, scope: Scope, inference: Inference) -> RoleValue | None:
    """Give what a call makes an engine or pool by, in itself or in the getter that it calls."""
    callee = inference.value(call.func, scope)
    if isinstance(callee, FunctionValue):
        made = handed_out_by(callee, inference)
        return _maker(made, callee.scope.child(callee.node), inference) if made else None
    if not isinstance(callee, RoleValue) or callee.role not in POOL_MAKING:
        return None
    return None if pool_class_of(call, scope, inference) == KEEPS_NONE else callee


def _is_of_argument(call: ast.Call, scope: Scope) -> bool:
    """Tell whether a function makes an engine of what it is given, such as a URL."""
    return any(is_given(url, scope) for url in _urls(call))


def _urls(call: ast.Call) -> list[ast.expr]:
    """Give what may be the URL of an engine that a call makes."""
    return [*call.args[:1], *(k.value for k in call.keywords if k.arg == "url")]


def _what(maker: RoleValue) -> str:
    return "engine" if maker.role is Role.ENGINE_MAKER else "connection pool"


def _of_services(tree: Tree, inference: Inference) -> Iterator[NewPool]:
    """Find the objects whose ``__init__`` makes an engine: those that handlers and tasks make.

    Of a class of the file, those are given as well that its other functions make.
    """
    found: set[ast.Call] = set()
    for call, scope in chain(_made_again(tree, inference), _made_here(tree)):
        function = scope.function()
        cls = inference.value(call.func, scope)
        if call in found or function is None or not isinstance(cls, ClassValue):
            continue
        made = _made_by_each(cls, call, inference)
        if made is not None:
            found.add(call)
            kept = is_kept(call, scope, inference) or _is_ended_by_itself(cls, function)
            given = made.is_of_argument and _is_of_argument(call, scope)
            yield NewPool(call, scope, _what(made.maker), cls.node.name, kept, given)


def _made_again(tree: Tree, inference: Inference) -> Iterator[tuple[ast.Call, Scope]]:
    """Find the objects that are made by what one process runs again and again."""
    for scope in repeated_functions(tree.scope, inference):
        for call in own_nodes(scope.node):
            if isinstance(call, ast.Call) and _constructs(call):
                yield call, scope


def _made_here(tree: Tree) -> Iterator[tuple[ast.Call, Scope]]:
    """Find the objects that a file makes of its own classes which may make an engine."""
    for node, outside in functions_of(tree.scope):
        if node.name == "__init__" and any(
            isinstance(each, ast.Call) and may_make(each) for each in own_nodes(node)
        ):
            yield from calls_of(outside.child(node))


def _is_ended_by_itself(cls: ClassValue, function: Scope) -> bool:
    """Tell whether a function runs a method by which an object disposes of what it has made."""
    ending = {
        method.name
        for method in cls.node.body
        if isinstance(method, (ast.AsyncFunctionDef, ast.FunctionDef))
        and any(last_segment(node) in _DISPOSING for node in own_nodes(method))
    }
    run = (node.attr for node in own_nodes(function.node) if isinstance(node, ast.Attribute))
    return not ending.isdisjoint(run)


def _constructs(call: ast.Call) -> bool:
    return last_segment(call.func).lstrip("_")[:1].isupper()


def _made_by_each(
    cls: ClassValue, call: ast.Call, inference: Inference, steps: int = _STEPS
) -> _Made | None:
    """Tell by what each object of a class makes an engine or pool for itself, or its parts do.

    Where the class takes one, it makes none for a call that gives it.
    """
    constructor = inference.constructor(cls)
    if constructor is None or constructor.scope.node is not cls.node:
        return None  # a base's, which may be followed no further
    scope = constructor.scope.child(constructor.node)
    for node in own_nodes(constructor.node):
        match node:
            case (
                ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"))], value=value)
                | ast.AnnAssign(
                    target=ast.Attribute(value=ast.Name(id="self")), value=ast.expr() as value
                )
            ):
                for each, instead in _alternatives(value):
                    made = _made_by_call(each, scope, inference, steps)
                    if made and not any(_may_be_given(i, constructor, call) for i in instead):
                        return made
    return None


def _made_by_call(call: ast.Call, scope: Scope, inference: Inference, steps: int) -> _Made | None:
    """Tell by what a constructor makes an engine of which its object keeps something."""
    cls = inference.value(call.func, scope) if steps and _constructs(call) else None
    if isinstance(cls, ClassValue):
        made = _made_by_each(cls, call, inference, steps - 1)
        is_of_argument = made is not None and made.is_of_argument
        return made and _Made(made.maker, is_of_argument and _is_of_argument(call, scope))
    opener = call.func if isinstance(call.func, ast.Call) else call  # ``get_factory()()``
    maker = _maker(opener, scope, inference) if may_make(opener) else None
    return _Made(maker, _is_of_argument(opener, scope)) if maker is not None else None


def _alternatives(value: ast.expr) -> Iterator[tuple[ast.Call, list[ast.expr]]]:
    """Give the calls that a value may be of, each with what it is where it is not that call's."""
    match value:
        case ast.Call():
            yield value, []
        case ast.BoolOp(op=ast.Or(), values=[*instead, ast.Call() as made]):
            yield made, instead
        case ast.IfExp(test=test, body=one, orelse=other):
            for each, instead_of_it in ((one, other), (other, one)):
                if isinstance(each, ast.Call):
                    yield each, [test, instead_of_it]


def _may_be_given(instead: ast.expr, constructor: FunctionValue, call: ast.Call) -> bool:
    """Tell whether a call gives a constructor what it takes in the place of an engine of its own.

    Only of parameters is it known that nothing was given.
    """
    names = {node.id for node in nodes_in(instead) if isinstance(node, ast.Name)}
    known = {name for name in names if _is_parameter_of(name, constructor)}
    given = {receiving_parameter(constructor, key) for key, _ in arguments_of(call)}
    is_open = any(isinstance(each, ast.Starred) for each in call.args)
    return names != known or is_open or "**" in dict(arguments_of(call)) or bool(names & given)


def _is_parameter_of(name: str, constructor: FunctionValue) -> bool:
    scope = constructor.scope.child(constructor.node)
    return [isinstance(b.how, Parameter) for b in scope.bindings(name)] == [True]
