"""Whether a block can end well with work in its session that nothing committed or rolled back."""

from __future__ import annotations

import ast
from collections.abc import Container, Sequence
from typing import TypeAlias

from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.fixes.objects import MUTATORS, Objects

# The lines of the work that may be pending at a place, 0 for none, for the ways that lead there;
# empty where none leads there.
_State: TypeAlias = frozenset[int]
_NOWHERE: _State = frozenset()
_CLEAN: _State = frozenset({0})

_ENDS = frozenset({"close", "commit", "rollback"})
_READS = frozenset(
    {"begin", "begin_nested", "expire", "expire_all", "expunge", "expunge_all", "flush", "get"}
    | {"get_bind", "get_one", "in_transaction", "query", "refresh"}
)
_STATEMENTS = frozenset({"exec", "execute", "scalar", "scalars", "stream", "stream_scalars"})
_QUERIES = ("select", "with", "pragma", "show", "explain")
_LOGS = frozenset({"critical", "debug", "error", "exception", "info", "log", "print", "warning"})
_HARMLESS = _LOGS | frozenset(
    {"abs", "all", "any", "bool", "dict", "enumerate", "filter", "float", "getattr", "hasattr"}
    | {"int", "isinstance", "iter", "len", "list", "map", "max", "min", "next", "repr", "reversed"}
    | {"round", "set", "sorted", "str", "sum", "tuple", "type", "zip", "vars"}
    | {"copy", "dict", "from_orm", "index", "isoformat", "items", "join", "json", "keys", "lower"}
    | {"model_dump", "model_validate", "split", "startswith", "endswith", "strftime", "strip"}
    | {"timestamp", "total_seconds", "upper", "values", "replace", "format", "get"}
    | {"_asdict", "_mapping", "all", "first", "mappings", "one", "one_or_none", "scalar"}
    | {"scalar_one", "scalar_one_or_none", "scalars", "unique", "fetchall", "fetchone"}
    | {"count", "distinct", "exists", "filter_by", "group_by", "having", "limit", "offset"}
    | {"options", "order_by", "outerjoin", "select_from", "subquery", "where", "with_entities"}
    | {"execution_options", "select_entity", "union", "with_for_update", "yield_per"}
)
_READING = ("as_", "has_", "is_", "to_")


def left_pending(body: Sequence[ast.stmt], objects: Objects, *, closes_stay: bool = True) -> int:
    """Find work that is uncommitted when a block is left, other than by an exception.

    Args:
        body: the block's statements.
        objects: the session, and what holds its objects.
        closes_stay: whether a close among them stays there, and gives up what is pending.

    Returns:
        The line of such work, which a provider that commits at the end of the block would commit,
        and which the code as it is gives up when it closes the session; 0 where there is none.
    """
    flow = _Flow(objects, _ENDS if closes_stay else _ENDS - {"close"})
    return max(flow.run(body, _CLEAN).union(*flow.exits), default=0)


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
            case ast.With(body=body) | ast.AsyncWith(body=body):
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
        caught = state.union(lines)
        for handler in statement.handlers:
            after |= self.run(handler.body, caught)
        left, self.exits = self.exits, outside
        self.exits += [self.run(statement.finalbody, each) for each in left]
        return self.run(statement.finalbody, after)

    def _effect(self, node: ast.AST, state: _State) -> _State:
        if isinstance(node, ast.Expr) and self._ends(node.value):
            return _CLEAN
        line = self._writes.found_in(node)
        return frozenset({line}) if line else state

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

    def found_in(self, node: ast.AST) -> int:
        """Give the line of what may change what the session would commit; 0 for none."""
        found = filter(self._is_write, (node, *own_nodes(node)))
        return next((part.lineno for part in found), 0)  # type: ignore[attr-defined]

    def _is_write(self, node: ast.AST) -> bool:
        match node:
            case ast.Assign(targets=targets) | ast.Delete(targets=targets):
                return any(map(self._is_part_of_object, targets))
            case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
                return self._is_part_of_object(target)
            case ast.Call():
                asked = self._objects.session_call(node)
                return self._session_writes(asked, node) if asked else self._call_writes(node)
        return False

    def _is_part_of_object(self, target: ast.expr) -> bool:
        match target:
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                return any(map(self._is_part_of_object, elements))
            case ast.Attribute(value=base):
                return self._objects.mentions(base)
            case ast.Subscript(value=base):
                return not isinstance(base, ast.Name) and self._objects.mentions(base)
        return False

    def _session_writes(self, asked: ast.Call, call: ast.Call) -> bool:
        """Judge a call of the session's, by its method and by what is done with the result."""
        if call is not asked:
            return self._given(call) or not _is_harmless(last_segment(call.func))
        method = last_segment(asked.func)
        if method in _STATEMENTS:
            return not (asked.args and self._reads(asked.args[0]))
        return method not in _READS | _ENDS

    def _given(self, call: ast.Call) -> bool:
        """Tell whether the session itself is among a call's arguments."""
        parts = [*call.args, *(keyword.value for keyword in call.keywords)]
        session = self._objects.session
        return any(isinstance(part, ast.Name) and part.id == session for part in parts)

    def _call_writes(self, call: ast.Call) -> bool:
        """Judge a call of anything else: given the session or an object, it may write."""
        if self._given(call):
            return True
        name = last_segment(call.func)
        parts = [*call.args, *(keyword.value for keyword in call.keywords)]
        if isinstance(call.func, ast.Attribute):
            if name in MUTATORS and self._is_container(call.func.value):
                return False
            parts.append(call.func.value)
        return not _is_harmless(name) and any(map(self._objects.carries, parts))

    def _is_container(self, receiver: ast.expr) -> bool:
        """Tell whether a name is that of a list or dictionary, and not of a query."""
        if not isinstance(receiver, ast.Name):
            return False
        return not any(map(self._objects.session_call, self._objects.assigned(receiver.id)))

    def _reads(self, statement: ast.expr) -> bool:
        """Tell whether a statement given to the session only reads, as far as it can be seen."""
        match statement:
            case ast.Call(func=function, args=[ast.Constant(value=str(text)), *_]):
                if last_segment(function) == "text":
                    return text.lstrip(" \t\n(").lower().startswith(_QUERIES)
            case ast.Name(id=name):
                values = list(self._objects.assigned(name))
                return bool(values) and all(map(self._reads, values))
        return _begins_with_select(statement)


def _is_harmless(name: str) -> bool:
    return name in _HARMLESS or name.startswith(_READING)


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
