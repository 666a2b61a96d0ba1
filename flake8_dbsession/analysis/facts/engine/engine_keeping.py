"""Whether the function that makes an engine keeps it, hands it out, or disposes of it.

The names that stand for the engine are followed through the whole function, whatever the order in
which it runs: an engine that is kept on some way is taken for one that is kept.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from enum import IntEnum

from flake8_dbsession.analysis.library.drivers import DRIVERS
from flake8_dbsession.analysis.library.methods import SCHEMA_METHODS
from flake8_dbsession.analysis.library.python import LOOKING
from flake8_dbsession.analysis.library.wrappers import CACHES, CONTEXT_MANAGERS, PLAIN_DECORATORS
from flake8_dbsession.analysis.lifetimes import constructs_by_name
from flake8_dbsession.analysis.names.functions import (
    decorator_names,
    is_fixture,
    parameter_for,
    position_of,
)
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.parents import parents_in, readings_in
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, Scope, declared, last_segment
from flake8_dbsession.analysis.names.values import (
    POOL_MAKING,
    ClassValue,
    External,
    FunctionValue,
    Role,
    RoleValue,
)
from flake8_dbsession.analysis.nodes import own_nodes

_POOL_NAMES = frozenset(
    name.rpartition(".")[2] for driver in DRIVERS for name in (*driver.pools, *driver.async_pools)
)
# What the names of functions speak of that give an engine, a pool, or a factory made on one.
_WORDS = ("conn", "database", "db", "engine", "factory", "maker", "pool", "regist", "sess", "sql")
_DEEPEST = 3  # a helper of a helper; real code has one
_CACHES = CACHES | {"cache_data"}
_UNCACHED = PLAIN_DECORATORS | CONTEXT_MANAGERS
# Makers of objects that keep an engine for their whole life; a session does not.
_HOLDERS = frozenset({Role.EXTENSION_MAKER, Role.FACTORY_MAKER, Role.REGISTRY_MAKER})
_ENDING = frozenset(
    {"aclose", "close", "closeall", "dispose", "shutdown", "stop", "terminate", "wait_closed"}
)
# The methods and attributes that give the same engine, or one that shares its pool.
_SAME = frozenset({"engine", "execution_options", "pool", "sync_engine"})
# What only works with the engine it is given.
_WORKING = SCHEMA_METHODS | {
    "create_database",
    "database_exists",
    "drop_database",
    "execute",
    "getattr",
    "has_table",
    "inspect",
    "prepare",
    "read_sql",
    "read_sql_query",
    "read_sql_table",
    "to_sql",
}
# What connects to nothing.
_LOOKING = LOOKING | {"listen", "listens_for"}
_READ = frozenset({"dialect", "driver", "echo", "logging_name", "name", "url"})
# By which a session or a factory gives its engine.
_BINDS = frozenset({"bind", "get_bind", "kw"})
_CONNECTING = frozenset({"connect", "raw_connection"})


class _Keeping(IntEnum):
    """What becomes of an engine, or of what holds it; of several answers, the highest counts."""

    READ = 0  # its URL, its dialect: it never connects
    USED = 1
    RETURNED = 2
    KEPT = 3


def is_kept(call: ast.Call, scope: Scope, inference: Inference) -> bool:
    """Tell whether an engine outlives the call of its function, or is disposed of.

    Args:
        call: the call that makes the engine.
        scope: the scope it stands in.
        inference: answers what the engine is given to.

    Returns:
        True where it is returned, yielded, stored, captured or disposed of, by itself or in an
        object that is, or where a connection of it is stored; where it is dropped at once or only
        read, and so never connects; where the function's own result is cached; and outside
        functions.
    """
    function = scope.function()
    if function is None or isinstance(function.node, ast.Lambda):
        return True
    if is_fixture(function.node) or not decorator_names(function.node).isdisjoint(_CACHES):
        return True
    flow = _Function(function, inference, _DEEPEST)
    return flow.is_dropped(call) or flow.keeping_of(call) is not _Keeping.USED


def handed_out_by(function: FunctionValue, inference: Inference) -> ast.Call | None:
    """Find the call in a function that makes a new engine or pool for each of its callers.

    Args:
        function: the function.
        inference: answers what is called in it.

    Returns:
        The call of a maker, or of a function that hands out a new one itself, whose value it
        returns, by itself or in a factory, without keeping it anywhere; None where there is none,
        and for a function whose decorator may keep its results.
    """
    node = function.node
    if isinstance(node, ast.Lambda) or not decorator_names(node) <= _UNCACHED:
        return None
    scope = function.scope.child(node)
    return inference.questions.ask(
        scope.memory, "handed out", lambda: _handed_out_in(scope, inference), None
    )


def may_make(call: ast.Call) -> bool:
    """Tell whether a call is worth resolving: most have nothing to do with an engine."""
    name = last_segment(call.func)
    return name in _POOL_NAMES or any(word in name.lower() for word in _WORDS)


def _handed_out_in(scope: Scope, inference: Inference) -> ast.Call | None:
    calls = (node for node in own_nodes(scope.node) if isinstance(node, ast.Call))
    for call in (each for each in calls if _makes(each, scope, inference)):
        if _Function(scope, inference, _DEEPEST).keeping_of(call) is _Keeping.RETURNED:
            return call
    return None


def _makes(call: ast.Call, scope: Scope, inference: Inference) -> bool:
    """Tell whether a call gives a new engine or pool, or what was made on one."""
    match inference.value(call.func, scope):
        case RoleValue(role=role):
            return role in POOL_MAKING
        case FunctionValue() as getter if may_make(call):
            return handed_out_by(getter, inference) is not None
    return False


class _Function:
    """Follows what stands for an engine through one function."""

    def __init__(self, scope: Scope, inference: Inference, depth: int) -> None:
        self._scope = scope
        self._inference = inference
        self._depth = depth
        self._names: list[str] = []
        self._parents = parents_in(scope)
        self._shared = declared(scope, ast.Global, ast.Nonlocal)

    def is_dropped(self, expression: ast.expr) -> bool:
        """Tell whether nothing is done with the value of an expression."""
        return isinstance(self._parents[expression], ast.Expr)

    def keeping_of(self, expression: ast.expr) -> _Keeping:
        """Tell what becomes of the value of an expression."""
        return max(self._keeping(expression), self._keeping_of_names())

    def keeping_of_name(self, name: str) -> _Keeping:
        """Tell what becomes of the value of a parameter."""
        self._names.append(name)
        return self._keeping_of_names()

    def _keeping_of_names(self) -> _Keeping:
        """Follow the names, and those that they are assigned to, until there is no new one."""
        keeping = _Keeping.READ
        for name in self._names:  # grows while it is read
            if name in self._shared:
                return _Keeping.KEPT
            for node in readings_in(self._scope).get(name, ()):
                keeping = max(keeping, self._keeping(node))
        return keeping

    def _keeping(self, node: ast.AST) -> _Keeping:
        """Tell what the code around an expression does with its value, going outward."""
        step: ast.AST | _Keeping = node
        while not isinstance(step, _Keeping):
            step = _Keeping.KEPT if self._is_captured(step) else self._step(step)
        return step

    def _step(self, node: ast.AST) -> ast.AST | _Keeping:
        """Give the expression around that has the value, or holds it; or what becomes of it."""
        parent = self._parents[node]
        match parent:
            case ast.Return() | ast.Yield() | ast.YieldFrom():
                return _Keeping.RETURNED
            case ast.Assign(targets=targets):
                return self._assigned(targets)
            case ast.AnnAssign() | ast.For() | ast.AsyncFor():
                return self._assigned([parent.target])
            case ast.NamedExpr(target=target):
                return self._assigned([target]) or parent
            case ast.Attribute(attr=attribute):
                return self._attribute(parent, attribute)
            case ast.Call(func=function) if function is node:
                return self._opened(parent)
            case ast.Call():
                return self._given(parent, position_of(node, parent))
            case ast.keyword(arg=name):
                outer = self._parents[parent]
                return self._given(outer, name) if isinstance(outer, ast.Call) else _Keeping.KEPT
            case ast.withitem():
                return _Keeping.KEPT
        return parent if _passes_on(parent, node) else _Keeping.USED

    def _is_captured(self, node: ast.AST) -> bool:
        """Tell whether a nested function or lambda takes the value along."""
        inner, outer = node, self._parents.get(node)
        while outer is not None and outer is not self._scope.node:
            if isinstance(outer, FUNCTIONS):
                body = outer.body if isinstance(outer.body, list) else [outer.body]
                if inner in body:
                    return True
            inner, outer = outer, self._parents.get(outer)
        return False

    def _assigned(self, targets: Iterable[ast.expr]) -> _Keeping:
        for target in targets:
            for name in _targets(target):
                if name is None:
                    return _Keeping.KEPT
                if name not in self._names:
                    self._names.append(name)
        return _Keeping.READ

    def _attribute(self, node: ast.Attribute, attribute: str) -> ast.AST | _Keeping:
        if attribute in _ENDING:
            return _Keeping.KEPT
        above = self._parents[node]
        is_called = isinstance(above, ast.Call) and above.func is node
        if attribute in _CONNECTING and is_called:
            return self._opened(above)
        if attribute not in _SAME:
            return _Keeping.READ if attribute in _READ else _Keeping.USED
        return above if is_called else node

    def _opened(self, opened: ast.AST) -> _Keeping:
        """Tell what becomes of an engine of which a session or connection is made."""
        is_kept = self._is_stored(opened) or self._is_disposed_of_by_another_name()
        return _Keeping.KEPT if is_kept else _Keeping.USED

    def _is_disposed_of_by_another_name(self) -> bool:
        """Tell whether the function disposes of what it asks a session or factory for."""
        nodes = own_nodes(self._scope.node)
        attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        return "dispose" in attributes and not attributes.isdisjoint(_BINDS)

    def _is_stored(self, opened: ast.AST, seen: frozenset[str] = frozenset()) -> bool:
        """Tell whether an object keeps a session or connection, and its engine with it."""
        above = self._parents[opened]
        while isinstance(above, (ast.Await, ast.BoolOp, ast.IfExp)):
            above = self._parents[above]
        if not isinstance(above, ast.Assign):
            return False
        names = {name for target in above.targets for name in _targets(target)}
        if None in names or not names.isdisjoint(self._shared):
            return True
        new = frozenset(name for name in names if name) - seen - set(self._names)
        return any(
            self._is_stored(reading, seen | new)
            for name in new
            for reading in readings_in(self._scope).get(name, ())
        )

    def _given(self, call: ast.Call, key: int | str | None) -> ast.AST | _Keeping:
        """Tell what a call does with an argument."""
        callee = self._inference.value(call.func, self._scope)
        match callee:
            case RoleValue(role=role):
                return call if role in _HOLDERS else self._opened(call)
            case ClassValue():
                return self._object(call)
            case FunctionValue():
                keeping = self._keeping_in(callee, key)
                return call if keeping is _Keeping.RETURNED else keeping
            case External() | None if last_segment(call.func) in _LOOKING:
                return _Keeping.READ
            case External() | None if last_segment(call.func) in _WORKING:
                return _Keeping.USED
            case External(name=name) if name.startswith("sqlalchemy."):
                return _Keeping.USED  # a table or inspector that works with it once
        return self._object(call) if constructs_by_name(call) else _Keeping.KEPT

    def _object(self, call: ast.Call) -> ast.AST | _Keeping:
        """Go on with an object made with an engine; one that is dropped at once keeps itself."""
        return _Keeping.KEPT if self.is_dropped(call) else call

    def _keeping_in(self, function: FunctionValue, key: int | str | None) -> _Keeping:
        """Tell what a function of the project does with an argument."""
        name = parameter_for(function, key)
        if name is None or self._depth == 0 or isinstance(function.node, ast.Lambda):
            return _Keeping.KEPT
        scope = function.scope.child(function.node)
        return _Function(scope, self._inference, self._depth - 1).keeping_of_name(name)


def _passes_on(parent: ast.AST | None, node: ast.AST) -> bool:
    """Tell whether the value of an expression is, or holds, that of a part of it."""
    match parent:
        case ast.Await() | ast.BoolOp() | ast.Starred():
            return True
        case ast.Tuple() | ast.List() | ast.Set() | ast.Dict():
            return True
        case ast.IfExp(test=test):
            return test is not node
        case ast.ListComp(elt=element) | ast.SetComp(elt=element) | ast.GeneratorExp(elt=element):
            return element is node
        case ast.DictComp(value=value) | ast.Subscript(value=value):
            return value is node
    return False


def _targets(target: ast.expr) -> Iterator[str | None]:
    """Give the names that an assignment binds, and None for what outlives the function."""
    match target:
        case ast.Name(id=name):
            yield name
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _targets(part)
        case ast.Starred(value=value):
            yield from _targets(value)
        case _:
            yield None
