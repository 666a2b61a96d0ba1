"""Pragmas: which of them a SQLite connection has when it is first used or handed on."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.work.sql import Pragma, pragma_of, sql_statements
from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.flow import Exit, build, carry_forward, raises_by_name
from flake8_dbsession.analysis.flow.graph import Bind, Evaluate, Event, Finish, Iterate
from flake8_dbsession.analysis.library.drivers import CONFIGURING
from flake8_dbsession.analysis.library.methods import SCRIPTS
from flake8_dbsession.analysis.library.wrappers import SAME_OBJECT
from flake8_dbsession.analysis.names.functions import arguments_of, receiving_parameter
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Iterated, Scope, last_segment
from flake8_dbsession.analysis.names.texts import followed, text_of
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import arguments, dotted_name, own_nodes
from flake8_dbsession.named_tuples import NamedTuple

_DEEPEST = 3  # a helper of a helper; real code has one
# What gives the connection itself, or a cursor of it.
_SAME = frozenset({"__aenter__", "__enter__", "cursor", "execute", "executescript"})
# Besides what only configures: what copies whole databases or ends a transaction.
_NO_USES = CONFIGURING | {
    "__aexit__", "__exit__", "backup", "commit", "deserialize", "fetchall", "fetchmany", "fetchone",
    "getconfig", "getlimit", "interrupt", "iterdump", "load", "load_extension", "rollback",
    "serialize",
}  # fmt: skip


class FirstUse(NamedTuple):
    """A place where a connection is used or handed on for the first time.

    Attributes:
        node: what uses it: a call, a ``return``, or the end of the function that keeps it.
        pragmas: the pragmas that are set on every way from its opening to there.
    """

    node: ast.AST
    pragmas: frozenset[Pragma]


class _State(NamedTuple):
    """A connection that is open and was not used yet.

    Attributes:
        names: what stands for it or a cursor of it: names, ``self.conn``, expressions.
        pragmas: the pragmas set on every way to here.
    """

    names: frozenset[str | ast.AST]
    pragmas: frozenset[Pragma] = frozenset()

    def also(self, name: str | ast.AST) -> _State:
        return self._replace(names=self.names | {name})

    def without(self, name: str) -> _State:
        return self._replace(names=self.names - {name})

    def setting(self, pragma: Pragma) -> _State:
        kept = (each for each in self.pragmas if each.name != pragma.name)
        return self._replace(pragmas=frozenset((*kept, pragma)))


def first_uses(opened: Acquisition, inference: Inference) -> list[FirstUse]:
    """Follow a SQLite connection to where it is first used or handed on.

    A loop over pragmas is taken to run, and a pragma that fails to have been tried. A function of
    the project that is given the connection is followed.

    Args:
        opened: where the connection is opened.
        inference: answers what calls stand for, and follows texts.

    Returns:
        The places, in the order of the text; none for a connection that is never used, or opened
        in a function that is too large to be judged.
    """
    scope = opened.scope.function() or opened.scope.module.scope
    walk = _Walk(scope, inference, opened)
    walk.run(None)
    return sorted(walk.uses(), key=lambda use: use.node.lineno)  # type: ignore[attr-defined]


class _Walk:
    """One function's flow, walked with one connection."""

    def __init__(
        self, scope: Scope, inference: Inference, opened: Acquisition | None, depth: int = 0
    ) -> None:
        self._scope = scope
        self._inference = inference
        self._opened = opened
        self._depth = depth
        self._uses: dict[ast.AST, frozenset[Pragma]] = {}
        self._shared = {
            name
            for node in own_nodes(scope.node)
            if isinstance(node, (ast.Global, ast.Nonlocal))
            for name in node.names
        }
        self._loops = {n.iter: n for n in own_nodes(scope.node) if isinstance(n, ast.For)}

    def uses(self) -> Iterator[FirstUse]:
        """Give what the walk has found."""
        return (FirstUse(node, pragmas) for node, pragmas in self._uses.items())

    def run(self, start: _State | None) -> _State | None:
        """Walk the function, and give the state in which it returns."""
        graph = build(self._scope.node)  # type: ignore[arg-type]
        if graph is None:
            return None
        entered = carry_forward(graph, start, self._step, _joined)
        end = _joined(entered.get(Exit.RETURNS), entered.get(Exit.FALLS_OFF))
        if end is not None and self._opened is not None and self._keeps(end):
            self._use(self._opened.node, end)
        return end

    def _keeps(self, state: _State) -> bool:
        """Tell whether something that outlives the function stands for the connection."""
        names = {name for name in state.names if isinstance(name, str)}
        is_module = isinstance(self._scope.node, ast.Module)
        return any(is_module or "." in name or name in self._shared for name in names)

    def _step(self, event: Event, state: _State | None) -> tuple[_State | None, _State | None]:
        if isinstance(event, Evaluate) and self._opened and event.node is self._opened.node:
            return _State(frozenset({event.node})), state
        after = self._after(event, state) if state is not None else None
        return after, after

    def _after(self, event: Event, state: _State) -> _State | None:
        match event:
            case Evaluate(node=ast.Call() as call):
                return self._call(call, state)
            case Evaluate(node=ast.Yield(value=value) as node) if self._refers(value, state):
                return self._use(node, state)
            case Bind(target=target, value=value):
                return self._bind(target, value, state)
            case Iterate(node=iterable) if iterable in self._loops:
                return self._loop(self._loops[iterable], state)
            case Finish(node=ast.Return(value=value) as node) if self._opened is not None:
                return self._use(node, state) if self._hands_on(value, state) else state
            case Finish(node=ast.Lambda(body=value) as node) if self._opened is not None:
                return self._use(node, state) if self._hands_on(value, state) else state
        return state

    def _bind(self, target: ast.expr | str, value: ast.AST | None, state: _State) -> _State | None:
        refers = self._refers(value, state)
        name = target if isinstance(target, str) else dotted_name(target)
        if name:
            return state.also(name) if refers else state.without(name)
        is_stored = refers and isinstance(target, ast.Subscript)
        return self._use(target, state) if is_stored and isinstance(target, ast.AST) else state

    def _loop(self, loop: ast.For, state: _State) -> _State:
        for node in own_nodes(loop):
            if isinstance(node, ast.Call) and self._is_execution(node, state):
                for statement in self._statements(node):
                    pragma = pragma_of(statement)
                    state = state.setting(pragma) if pragma is not None else state
        return state

    def _call(self, call: ast.Call, state: _State) -> _State | None:
        if self._is_execution(call, state):
            return self._execution(call, state)
        if isinstance(call.func, ast.Attribute) and self._refers(call.func.value, state):
            if call.func.attr == "close":
                return None
            return state if call.func.attr in _NO_USES | _SAME else self._use(call, state)
        callee = self._inference.value(call.func, self._scope)
        if isinstance(callee, FunctionValue) and self._depth < _DEEPEST:
            names = self._names_in(callee, call, state)
            return self._helped(call, callee, names, state) if names else state
        is_given = any(self._hands_on(argument, state) for argument in arguments(call))
        is_none = last_segment(call.func) in _NO_USES | SAME_OBJECT or not raises_by_name(call)
        return self._use(call, state) if is_given and not is_none else state

    def _is_execution(self, call: ast.Call, state: _State) -> bool:
        match call.func:
            case ast.Attribute(value=owner, attr=method) if method in SCRIPTS and call.args:
                return self._refers(owner, state) or self._sets_on_own(call, owner, state)
        return False

    def _sets_on_own(self, call: ast.Call, owner: ast.expr, state: _State) -> bool:
        """Tell whether an object sets a pragma on its own connection: ``self.execute(...)``."""
        prefix = f"{dotted_name(owner)}."
        if not any(isinstance(name, str) and name.startswith(prefix) for name in state.names):
            return False
        return any(pragma_of(statement) for statement in self._statements(call))

    def _execution(self, call: ast.Call, state: _State) -> _State | None:
        statements = self._statements(call)
        for statement in statements:
            pragma = pragma_of(statement)
            if pragma is None:
                return self._use(call, state)
            state = state.setting(pragma)
        return state if statements else self._use(call, state)

    def _statements(self, execution: ast.Call) -> list[str]:
        """Give the statements that a call executes; none where the text does not show them."""
        texts = [text_of(execution.args[0], self._scope, self._inference)]
        if texts == [None]:
            texts = list(self._iterated(execution.args[0]))
        return [each for text in texts if text is not None for each in sql_statements(text)]

    def _iterated(self, expression: ast.expr) -> Iterator[str | None]:
        """Give the texts that a loop's name stands for in turn."""
        bindings = self._scope.bindings(expression.id) if isinstance(expression, ast.Name) else []
        for binding in bindings:
            if isinstance(binding.how, Iterated):
                values, where = followed(binding.how.iterable, binding.scope, self._inference)
                for value in getattr(values, "elts", ()):
                    yield text_of(value, where, self._inference)

    def _names_in(self, callee: FunctionValue, call: ast.Call, state: _State) -> frozenset[str]:
        """Give the names by which a called function has the connection."""
        names = {
            receiving_parameter(callee, k) for k, v in arguments_of(call) if self._refers(v, state)
        }
        if callee.owner is not None and isinstance(call.func, ast.Attribute):
            owner = dotted_name(call.func.value)
            instance = callee.receiver
            for name in state.names:
                if instance and owner and isinstance(name, str) and name.startswith(f"{owner}."):
                    names.add(instance + name.removeprefix(owner))
        return frozenset(name for name in names if name is not None)

    def _helped(
        self, call: ast.Call, callee: FunctionValue, names: frozenset[str], state: _State
    ) -> _State | None:
        """Walk through a function of the project that has the connection, and come back."""
        scope = callee.scope.child(callee.node)
        walk = _Walk(scope, self._inference, None, self._depth + 1)
        end = walk.run(_State(names, state.pragmas))
        for use in walk.uses():
            self._use(call, state._replace(pragmas=use.pragmas))
        return state._replace(pragmas=end.pragmas).also(call) if end is not None else None

    def _refers(self, node: ast.AST | None, state: _State) -> bool:
        """Tell whether an expression is the connection or a cursor of it."""
        while node is not None and node not in state.names:
            match node:
                case ast.Name() | ast.Attribute():
                    return dotted_name(node) in state.names
                case ast.Await(value=inner) | ast.NamedExpr(value=inner):
                    node = inner
                case ast.BoolOp(values=values):
                    return any(self._refers(value, state) for value in values)
                case ast.IfExp(body=body, orelse=orelse):
                    return self._refers(body, state) or self._refers(orelse, state)
                case ast.Call(func=ast.Attribute(value=owner, attr=method)) if method in _SAME:
                    node = owner
                case ast.Call(func=function, args=[*_, last]):
                    node = last if last_segment(function) in SAME_OBJECT else None
                case _:
                    return False
        return node is not None

    def _hands_on(self, node: ast.AST | None, state: _State) -> bool:
        """Tell whether a value is the connection, or a container that is written out with it."""
        parts = [*getattr(node, "elts", ()), *getattr(node, "values", ())]
        return self._refers(node, state) or any(self._refers(part, state) for part in parts)

    def _use(self, node: ast.AST, state: _State) -> _State | None:
        """Note a use; the first one is the last of what is followed."""
        before = self._uses.get(node, state.pragmas)
        self._uses[node] = before & state.pragmas
        return None


def _joined(one: _State | None, other: _State | None) -> _State | None:
    if one is None or other is None:
        return one or other
    return _State(one.names | other.names, one.pragmas & other.pragmas)
