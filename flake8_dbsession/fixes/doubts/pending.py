"""Whether a block can end well with work in its session that nothing committed or rolled back."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from flake8_dbsession.analysis.effects.work.following import Following
from flake8_dbsession.analysis.effects.work.loaded import MUTATORS, Objects, inside
from flake8_dbsession.analysis.effects.work.reading import changes_by_function, only_reads
from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.nodes import nodes_in, own_nodes


class Pending(NamedTuple):
    """Work that may be uncommitted.

    Attributes:
        line: its line.
        call: the call of a helper that may have left it; empty for work that stands there itself.
        is_seen: whether the work is seen, there or in the helper's code.
    """

    line: int
    call: str = ""
    is_seen: bool = True


_NOTHING = Pending(0)
_SAME = Pending(-1)  # whatever was pending before
# The work that may be pending at a place, for the ways that lead there; empty where none does.
_State: TypeAlias = frozenset[Pending]
_NOWHERE: _State = frozenset()
_CLEAN: _State = frozenset({_NOTHING})
_AS_BEFORE: _State = frozenset({_SAME})

_ENDS = frozenset({"close", "commit", "rollback"})
_READS = frozenset(
    {"begin", "begin_nested", "expire", "expire_all", "expunge", "expunge_all", "flush", "get"}
    | {"get_bind", "get_one", "in_transaction", "query", "refresh"}
)
_STATEMENTS = frozenset({"exec", "execute", "scalar", "scalars", "stream", "stream_scalars"})
_LOGS = frozenset({"critical", "debug", "error", "exception", "info", "log", "print", "warning"})
# Of strings, numbers and dates.
_OF_VALUES = frozenset(
    {"decode", "encode", "endswith", "format", "isoformat", "join", "lower", "replace", "split"}
    | {"startswith", "strftime", "strip", "timestamp", "title", "total_seconds", "upper"}
)
_OF_MODELS = frozenset({"from_orm", "model_validate", "parse_obj"})  # pydantic's, which only read
_OF_CONTAINERS = frozenset({"copy", "count", "get", "index", "items", "keys", "values"})
# Of SQLAlchemy's queries, statements and results.
_OF_QUERIES = frozenset(
    {"_asdict", "_mapping", "all", "count", "distinct", "execution_options", "exists", "fetchall"}
    | {"fetchmany", "fetchone", "filter", "filter_by", "first", "group_by", "having", "join"}
    | {"limit", "mappings", "offset", "one", "one_or_none", "options", "order_by", "outerjoin"}
    | {"scalar", "scalar_one", "scalar_one_or_none", "scalars", "select_entity", "select_from"}
    | {"subquery", "tuples", "union", "unique", "where", "with_entities", "with_for_update"}
    | {"yield_per"}
)
_LISTED = frozenset({"all", "fetchall", "fetchmany"})
_IN_PLACE = MUTATORS | {"clear", "discard", "pop", "popitem", "remove", "reverse", "sort"}
_YIELDS = (ast.Yield, ast.YieldFrom)
_CHANGING = ("delattr", "setattr")


def left_pending(
    body: Sequence[ast.stmt], objects: Objects, *, closes_stay: bool = True
) -> list[Pending]:
    """Find work that is uncommitted when a block is left, other than by an exception.

    Args:
        body: the block's statements.
        objects: the session, and what holds its objects.
        closes_stay: whether a close among them stays there, and gives up what is pending.

    Returns:
        The work that a provider which commits at the end of the block would commit, and that the
        code as it is gives up when it closes the session: the last that is seen, and the last that
        a call may leave whose code is not known.
    """
    flow = _Flow(objects, _ENDS if closes_stay else _ENDS - {"close"})
    found = flow.run(body, _CLEAN).union(*flow.exits) - _CLEAN
    seen = max((each for each in found if each.is_seen), default=None)
    unknown = max((each for each in found if not each.is_seen), default=None)
    return [each for each in (seen, unknown) if each is not None]


class _Flow:
    """Follows the statements; ``exits`` are the states at returns and jumps out of the block."""

    def __init__(self, objects: Objects, ends: Container[str]) -> None:
        self._objects = objects
        self._ended_by = ends
        self._writes = _Writes(objects)
        self._loops: list[list[_State]] = []
        self.exits: list[_State] = []

    def run(self, body: Sequence[ast.stmt], state: _State) -> _State:
        for statement in body:
            state = self._after(statement, state)
        return state

    def _after(self, statement: ast.stmt, state: _State) -> _State:
        match statement:
            case _ if not state:
                return _NOWHERE
            case ast.Return():
                self.exits.append(self._effect(statement, state))
                return _NOWHERE
            case ast.Raise():
                return _NOWHERE
            case ast.Break() | ast.Continue():
                (self._loops[-1] if self._loops else self.exits).append(state)
                return _NOWHERE
            case ast.If(test=test, body=body, orelse=orelse):
                state = self._effect(test, state)
                return self.run(body, state) | self.run(orelse, state)
            case ast.For() | ast.AsyncFor() | ast.While():
                return self._after_loop(statement, state)
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                for item in items:
                    state = self._effect(item, state)
                return self._after_with(statement, self.run(body, state))
            case ast.Try():
                return self._after_try(statement, state)
            case ast.Match(subject=subject, cases=cases):
                state = self._effect(subject, state)
                return state.union(*(self.run(case.body, state) for case in cases))
            case _ if type(statement).__name__ == "TryStar":
                return self._after_try(statement, state)  # type: ignore[arg-type]
        return self._effect(statement, state)

    def _after_loop(self, loop: ast.For | ast.AsyncFor | ast.While, state: _State) -> _State:
        state = self._effect(loop.test if isinstance(loop, ast.While) else loop.iter, state)
        jumps: list[_State] = []
        self._loops.append(jumps)
        if isinstance(loop, (ast.For, ast.AsyncFor)):
            state |= self._effect(loop.target, state)
        for _ in range(2):  # the second time round begins as the first one ended
            state |= self.run(loop.body, state).union(*jumps)
        self._loops.pop()
        return self.run(loop.orelse, state).union(*jumps)

    def _after_with(self, block: ast.With | ast.AsyncWith, state: _State) -> _State:
        contexts = [item.context_expr for item in block.items]
        commits = any(
            last_segment(context) == "begin" and self._objects.session_call(context)
            for context in contexts
        )
        return _CLEAN if commits and state else state

    def _after_try(self, statement: ast.Try, state: _State) -> _State:
        outside, self.exits = self.exits, []
        after = self.run(statement.orelse, self.run(statement.body, state))
        # What failed in the session has to be rolled back before anything can be committed.
        lines = [part.lineno for part in statement.body if self._objects.mentions(part)]
        caught = state.union(map(Pending, lines))
        for handler in statement.handlers:
            after |= self.run(handler.body, caught)
        left, self.exits = self.exits, outside
        self.exits += [self.run(statement.finalbody, each) for each in left]
        return self.run(statement.finalbody, after)

    def _effect(self, node: ast.AST, state: _State) -> _State:
        if isinstance(node, ast.Expr) and self._ends(node.value):
            return _CLEAN
        return self._writes.after(node, state)

    def _ends(self, expression: ast.expr) -> bool:
        call = expression.value if isinstance(expression, ast.Await) else expression
        return (
            isinstance(call, ast.Call)
            and last_segment(call.func) in self._ended_by
            and self._objects.session_call(call) is call
        )


class _Writes:
    """Finds what may leave work in the session."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._callees = objects.callees

    def after(self, node: ast.AST, state: _State) -> _State:
        """Give what is pending when a node has run."""
        for done in self._all_in((node, *own_nodes(node))):
            state = frozenset().union(*(state if each == _SAME else {each} for each in done))
        return state

    def _all_in(self, nodes: Sequence[ast.AST]) -> Iterator[_State]:
        for part in nodes:
            if isinstance(part, ast.Call):
                yield from self._by_call(part)
            elif self._changes_object(part):
                yield _at(part)

    def _changes_object(self, node: ast.AST) -> bool:
        """Tell whether a node stores into an object, or takes something out of one."""
        match node:
            case ast.Attribute(value=base, ctx=ast.Store() | ast.Del()):
                return self._objects.mentions(base)
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                return name in self._objects.parts
            case ast.Subscript(value=base, ctx=ast.Store() | ast.Del()):
                return self._objects.mentions(base)
            case ast.AugAssign(target=ast.Name(id=name)):
                return name in self._objects.parts
        return False

    def _by_call(self, call: ast.Call) -> Iterator[_State]:
        asked = self._objects.session_call(call)
        if changes_by_function(call):
            yield _at(call)
        elif self._is_given_session(call) or (asked is None and self._runs_closure(call)):
            yield self._by_helper(call)
        elif asked is call:
            if self._session_writes(call):
                yield _at(call)
        elif asked is not None:
            yield from self._by_chain(call)
        else:
            yield from self._by_other_call(call)

    def _by_helper(self, call: ast.Call) -> _State:
        """Judge a call that is given the session or its objects by what it calls."""
        following = self._objects.followed(call)
        if following is None:
            return self._unknown(call)
        name = f"{ast.unparse(call.func)}()"
        return frozenset(
            each if each in (_SAME, _NOTHING) else Pending(call.lineno, name, each.is_seen)
            for each in _left_by(following, self._objects)
        )

    def _session_writes(self, call: ast.Call) -> bool:
        method = last_segment(call.func)
        if method in _STATEMENTS:
            return not (call.args and self._reads(call.args[0]))
        return method not in _READS | _ENDS

    def _by_chain(self, call: ast.Call) -> Iterator[_State]:
        """Judge what is done with what the session gave: to a query, a result or an object."""
        assert isinstance(call.func, ast.Attribute)
        name = call.func.attr
        if self._objects.is_entity(call.func.value):
            if not self._is_read_of_object(call.func):
                yield self._unknown(call)
        elif name not in _OF_QUERIES | _OF_CONTAINERS | _OF_VALUES:
            yield _at(call)

    def _by_other_call(self, call: ast.Call) -> Iterator[_State]:
        """Judge a call of anything else: given an object, it may write."""
        function = call.func
        parts = [*call.args, *(keyword.value for keyword in call.keywords)]
        if isinstance(function, ast.Attribute):
            parts.append(function.value)
            if function.attr in _IN_PLACE and self._is_part(function.value):
                yield _at(call)
                return
        if not any(map(self._objects.carries, parts)):
            return
        if self._callees.is_project(function):
            yield self._by_helper(call)
        elif self._callees.is_builtin(function, *_CHANGING):
            yield _at(call)
        elif self._callees.is_builtin(function):
            yield from self._by_function_given(call)
        elif isinstance(function, ast.Attribute):
            yield from self._by_method(call, function)
        elif not self._callees.is_library(function):
            yield self._unknown(call)

    def _by_function_given(self, call: ast.Call) -> Iterator[_State]:
        """Judge the function that one of Python's own calls, as ``sorted`` does its ``key``."""
        given = self._callees.run_by(call)
        if isinstance(given, ast.Lambda):
            yield from self._all_in(nodes_in(given.body))
        elif given is not None and not self._only_gets(given):
            yield self._unknown(call)

    def _only_gets(self, function: ast.expr) -> bool:
        is_read = isinstance(function, ast.Attribute) and self._is_read(function)
        return is_read or self._callees.gets_values(function)

    def _by_method(self, call: ast.Call, method: ast.Attribute) -> Iterator[_State]:
        receiver, name = method.value, method.attr
        if not self._objects.carries(receiver):
            if name in MUTATORS and self._callees.is_container(receiver):
                return
            if not self._is_read(method):
                yield self._unknown(call)
        elif self._is_query(receiver):
            if name not in _OF_QUERIES | _OF_CONTAINERS:
                yield _at(call)
        elif self._is_container(receiver):
            if name not in _IN_PLACE | _OF_CONTAINERS | _OF_VALUES:
                yield self._unknown(call)
        elif name in _IN_PLACE and not isinstance(receiver, ast.Name):
            yield _at(call)
        elif not self._is_read_of_object(method):
            yield self._unknown(call)

    def _is_read(self, method: ast.Attribute) -> bool:
        """Tell whether a method of something else only reads what it is given."""
        if self._callees.is_project(method):
            return False
        if method.attr in _LOGS | _OF_MODELS or self._callees.is_library(method):
            return True
        return isinstance(method.value, ast.Constant) and method.attr in _OF_VALUES

    def _is_read_of_object(self, method: ast.Attribute) -> bool:
        """Tell whether a method that may be one of a loaded object's is not the project's own."""
        if method.attr in _OF_VALUES:
            return True
        known = _OF_CONTAINERS | _OF_QUERIES | {"dict", "json", "model_dump", "model_dump_json"}
        return method.attr in known and self._objects.is_inherited(method.attr)

    def _is_query(self, receiver: ast.expr) -> bool:
        """Tell whether a name is that of a query, or of a result that is not fetched yet."""
        if not isinstance(receiver, ast.Name):
            return False
        values = list(self._objects.assigned(receiver.id))
        asked = [value for value in values if self._objects.session_call(value)]
        return bool(asked) and not any(map(self._is_fetched, asked))

    def _is_container(self, receiver: ast.expr) -> bool:
        """Tell whether a name is that of a list or dictionary, and not of a loaded object."""
        if not isinstance(receiver, ast.Name):
            return False
        values = list(self._objects.assigned(receiver.id))
        return self._callees.is_container(receiver) or (
            bool(values) and not any(map(self._objects.is_entity, values))
        )

    def _is_fetched(self, value: ast.expr) -> bool:
        call = value.value if isinstance(value, ast.Await) else value
        is_listed = isinstance(call, ast.Call) and last_segment(call.func) in _LISTED
        return is_listed or self._objects.is_entity(value)

    def _is_part(self, receiver: ast.expr) -> bool:
        return isinstance(receiver, ast.Name) and receiver.id in self._objects.parts

    def _is_given_session(self, call: ast.Call) -> bool:
        parts = [*call.args, *(keyword.value for keyword in call.keywords)]
        is_given = any(map(self._objects.is_session, parts))
        return is_given or bool(self._objects.held_by(call))

    def _runs_closure(self, call: ast.Call) -> bool:
        """Tell whether a call runs a function that the block defines, and that works with it."""
        closure = self._objects.closures.get(last_segment(call.func))
        return closure is not None and self._objects.mentions(closure)

    def _unknown(self, call: ast.Call) -> _State:
        return frozenset({Pending(call.lineno, f"{ast.unparse(call.func)}()", is_seen=False)})

    def _reads(self, statement: ast.expr) -> bool:
        """Tell whether a statement given to the session only reads, as far as it can be seen."""
        match statement:
            case ast.Call(func=function, args=[ast.Constant(value=str(text)), *_]):
                if last_segment(function) == "text":
                    return only_reads(text)
            case ast.Constant(value=str(text)):
                return only_reads(text)
            case ast.Name(id=name):
                values = list(self._objects.assigned(name))
                return bool(values) and all(map(self._reads, values))
        return _begins_with_select(statement)


def _at(node: ast.AST) -> _State:
    return frozenset({Pending(node.lineno)})  # type: ignore[attr-defined]


def _left_by(following: Following, caller: Objects) -> _State:
    """Give what is pending after a helper that is given the session or its objects.

    A function that stands in the block sees the block's own names besides.
    """
    is_inner = following.function.node in caller.closures.values()
    session = following.session or (caller.session if is_inner else "")
    given = following.objects | (frozenset(caller.names) if is_inner else frozenset())
    memory = following.scope.memory
    question = ("left pending", session, given, caller.columns.classes)
    if question not in memory:
        memory[question] = frozenset({Pending(0, "itself", is_seen=False)})
        flow = _Flow(inside(following, caller, session, given), _ENDS)
        done = flow.run(following.body, _AS_BEFORE).union(*flow.exits)
        is_later = any(isinstance(node, _YIELDS) for node in own_nodes(following.function.node))
        memory[question] = done | _AS_BEFORE if is_later else done
    found: _State = memory[question]
    return found


def _begins_with_select(expression: ast.expr) -> bool:
    """Tell whether a chain of calls begins with ``select(...)``."""
    node: ast.AST = expression
    while isinstance(node, (ast.Call, ast.Attribute)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return node.func.id == "select"
        if isinstance(node, ast.Attribute) and node.attr == "select":
            return True
        node = node.func if isinstance(node, ast.Call) else node.value
    return False
