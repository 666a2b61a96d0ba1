"""What a session has not committed yet when a worker is told of it, along a function's ways."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, reduce
from operator import or_

from flake8_dbsession.analysis.effects.work.acts import did_by
from flake8_dbsession.analysis.effects.work.changes import Changes
from flake8_dbsession.analysis.effects.work.following import Following, Told, decided
from flake8_dbsession.analysis.effects.work.loaded import Objects, inside
from flake8_dbsession.analysis.effects.work.model import ENDS, NOTHING, Did, Work
from flake8_dbsession.analysis.effects.work.uses import may_commit_at_end
from flake8_dbsession.analysis.facts.dispatch.dispatches import Dispatches
from flake8_dbsession.analysis.facts.dispatch.row_keys import RowKeys, Tells
from flake8_dbsession.analysis.facts.dispatch.row_writes import RowWrites
from flake8_dbsession.analysis.facts.dispatch.unsaved_rows import (
    EMPTY,
    NOTHING_LEFT,
    Left,
    Returned,
    Sent,
    State,
    Unsaved,
    is_told,
    perhaps_saved,
    saved,
    unsaved_in,
    with_written,
)
from flake8_dbsession.analysis.facts.lifetime import registries
from flake8_dbsession.analysis.facts.lifetime.exclusions import Told as Test
from flake8_dbsession.analysis.facts.lifetime.exclusions import exclude, told_at
from flake8_dbsession.analysis.flow import Exit, Graph, build, carry_forward
from flake8_dbsession.analysis.flow.graph import Bind, Evaluate, Event, Finish, Leave
from flake8_dbsession.analysis.library.methods import TRANSACTIONS
from flake8_dbsession.analysis.names.dotted import expression_of
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Parameter, Scope, last_segment
from flake8_dbsession.analysis.names.values import Resource, Role, RoleValue
from flake8_dbsession.analysis.nodes import arguments, dotted_name, nodes_in, start_of, unawaited

_FORGETTING = frozenset({"expunge", "expunge_all"})


class Unsaving:
    """Follows the rows of one session along the ways of a function.

    Args:
        objects: the session, and what holds its objects.
        seeds: the calls in which a worker is told already of what is not committed.
        told: the parameters of which a call says the value.
        is_only: whether no other session is seen in the function, whose objects there may be.

    Attributes:
        found: of what workers were told too early, each with what commits it: a call, or a block.
    """

    def __init__(
        self,
        objects: Objects,
        seeds: Mapping[ast.Call, Sent] | None = None,
        told: Told = frozenset(),
        *,
        is_only: bool = True,
    ) -> None:
        self._objects = objects
        self._block = objects.block
        self._scope = objects.callees.scope
        self._inference = objects.callees.inference
        self._keys = RowKeys(objects.block)
        self._changes = Changes(objects, told=told)
        self._told = told
        self._writes = RowWrites(objects, self._changes, self._keys, left_by, is_only=is_only)
        self._dispatches = Dispatches(self._scope, self._inference)
        self._told_at: dict[ast.AST, State] = {c: frozenset({s}) for c, s in (seeds or {}).items()}
        self._states: dict[ast.AST, State] = {}
        self.found: dict[Sent, ast.Call | ast.withitem] = {}

    def walk(self, graph: Graph) -> State:
        """Walk the function, and give what is left where it returns.

        What is told of the rows at a call is known when all ways to it are walked.
        """
        self._carry(graph)
        for node, state in self._states.items():
            told = frozenset(self._telling_of(node, state))
            self._told_at[node] = self._told_at.get(node, EMPTY) | told
        entered = self._carry(graph)
        ends = (entered.get(end, EMPTY) for end in (Exit.RETURNS, Exit.FALLS_OFF))
        return frozenset().union(*ends)

    def _carry(self, graph: Graph) -> dict[int, State]:
        return carry_forward(graph, EMPTY, self._step, frozenset.union, self._assumed)

    def _telling(self, node: ast.AST, state: State) -> State:
        """Note what is there where something is told, and add what that is once it is known."""
        self._states[node] = self._states.get(node, EMPTY) | state
        return state | self._told_at.get(node, EMPTY)

    def _telling_of(self, node: ast.AST, state: State) -> Iterator[Sent | Returned]:
        match node:
            case ast.Call():
                yield from self._sent(node, state)
            case ast.Return(value=ast.expr() as value):
                yield from self._returned(value, state)

    def _assumed(self, test: ast.expr, truth: bool, state: State) -> State | None:
        known = decided(test, self._told)
        return state if known in (None, truth) else None

    def _step(self, event: Event, state: State) -> tuple[State, State]:
        match event:
            case Evaluate(node=ast.Call() as call):
                state = self._called(call, state)
            case Evaluate(node=ast.Yield() | ast.YieldFrom()):
                state = EMPTY
            case Bind(target=target, value=value):
                state = self._bound(target, value, state)
            case Leave(node=item):
                state = self._left_block(item, state)
            case Finish(node=ast.Return() as node):
                state = self._telling(node, state)
        return state, EMPTY

    # Ends

    def _called(self, call: ast.Call, state: State) -> State:
        if not state:  # there is nothing that a commit could end
            return self._told_at.get(call, EMPTY) | frozenset(self._writes.written(call))
        works = [*self._changes.by(call)]
        always, ever = (reduce(or_, part, NOTHING) for part in _parts(works))
        if Did.COMMITS in always:
            return self._committed(call, state)
        if always & (Did.ROLLS_BACK | Did.CLOSES) or self._forgets(call):
            return EMPTY
        if ever & ENDS or self._may_end(call):
            return perhaps_saved(state) | self._told_at.get(call, EMPTY)
        return with_written(self._telling(call, state), self._writes.written(call))

    def may_end(self) -> bool:
        """Tell whether code that cannot be followed may commit or roll back."""
        return any(map(self._may_end, self._block.calls))

    def _may_end(self, call: ast.Call) -> bool:
        """Tell whether what a call leads to cannot be followed, and is given the session.

        The session of a registry is given to all.
        """
        if self._is_registry and registries.may_end(call, self._scope, self._inference):
            return True
        if self._hands_on_method(call):
            return True
        if self._objects.is_method(call):
            did = did_by(call, Resource.SESSION, self._scope, self._inference)
            return Did.MAY_END in did
        if not any(Did.MAY_END in work.ever for work in self._changes.by(call)):
            return False
        if not self._is_given_session(call):
            return False
        following = self._objects.followed(call)
        if following is None or not following.held.sessions:
            return True
        return left_by(following, self._objects).may_end

    def _is_given_session(self, call: ast.Call) -> bool:
        objects = self._objects
        parts = [*arguments(call), getattr(call.func, "value", call.func)]
        return any(objects.is_session(part) or objects.is_holder(part) for part in parts)

    def _hands_on_method(self, call: ast.Call) -> bool:
        """Tell whether a call is given a method of the session: ``to_thread(db.commit)``."""
        parts = (part for part in arguments(call) if isinstance(part, ast.Attribute))
        return any(self._objects.is_session(part.value) for part in parts)

    @cached_property
    def _is_registry(self) -> bool:
        value = self._inference.value(expression_of(self._objects.session), self._scope)
        return isinstance(value, RoleValue) and value.role is Role.REGISTRY

    def _forgets(self, call: ast.Call) -> bool:
        return last_segment(call.func) in _FORGETTING and self._objects.is_method(call)

    def _committed(self, end: ast.Call | ast.withitem, state: State) -> State:
        tests = told_at(end, self._scope)
        for each in state:
            if isinstance(each, Sent) and not self._excludes(tests, each.write, each.call):
                self.found[each] = min(end, self.found.get(each, end), key=_line)
        return saved(state)

    def _excludes(self, tests: frozenset[Test], *nodes: ast.AST) -> bool:
        """Tell whether some tests cannot come out so where other code runs."""
        return any(exclude(tests, told_at(node, self._scope)) for node in nodes)

    def _left_block(self, item: ast.withitem, state: State) -> State:
        context, target = item.context_expr, item.optional_vars
        if Did.COMMITS in self._changes.at_end(context):
            return self._committed(item, state)
        if target is not None and self._objects.is_session(target):
            is_committed = commits_at_end(context, self._scope, self._inference)
            return self._committed(item, state) if is_committed else EMPTY
        if self._objects.is_session(context) or self._objects.is_holder(target or context):
            return EMPTY
        return perhaps_saved(state) if self._may_end_at(context) else state

    def _may_end_at(self, context: ast.expr) -> bool:
        """Tell whether a block is over what is given the session, and may commit at its end."""
        if not isinstance(context, ast.Call) or last_segment(context) in TRANSACTIONS:
            return False
        return self._is_given_session(context)

    # Dispatches

    def _sent(self, call: ast.Call, state: State) -> Iterator[Sent]:
        unsaved = unsaved_in(state)
        if not unsaved:
            return
        told, tests = self._told_by(call), told_at(call, self._scope)
        # To whom all is told that there is to say, a row that was there before is no news.
        of_changed = self._told_by(call, by_events=False)
        matching = [
            each
            for each in unsaved
            if is_told(each, told if each.is_new else of_changed)
            and not self._excludes(tests, each.write)
        ]
        if matching:
            first = min(matching, key=_first_told)
            yield Sent(call, first.shown, first.is_new, first.write)

    def _told_by(self, call: ast.Call, *, by_events: bool = True) -> Tells:
        told = self._keys.told(self._dispatches.told_by(call), by_events=by_events)
        objects = map(self._keys.objects, self._dispatches.objects_told_by(call))
        return Tells(told.objects.union(*objects), told.names)

    def _returned(self, value: ast.expr, state: State) -> Iterator[Returned]:
        objects, told = self._keys.objects(value), self._keys.told([value])
        for each in unsaved_in(state):
            if not each.is_key and each.name in objects:
                yield Returned(is_key=False, is_new=each.is_new)
            elif is_told(each, told):
                yield Returned(is_key=True, is_new=each.is_new)
        yield from self._writes.returned_by(unawaited(value))

    # Bindings

    def _bound(self, target: ast.expr | str, value: ast.AST | None, state: State) -> State:
        if isinstance(target, ast.Attribute) and not self._comes_of_dispatch(value):
            state = with_written(state, self._writes.stored(target))
        names = {target} if isinstance(target, str) else {*_names_of(target)}
        state = frozenset(
            each for each in state if not (isinstance(each, Unsaved) and each.name in names)
        )
        if isinstance(target, (ast.Name, ast.Attribute)) and isinstance(value, ast.expr):
            state |= frozenset(self._writes.given_by(dotted_name(target), unawaited(value)))
        return state

    def _comes_of_dispatch(self, value: ast.AST | None) -> bool:
        """Tell whether a value is what sending a task gave, such as the task's own id."""
        if value is None:
            return False
        nodes = nodes_in(value)
        read = {node.id for node in nodes if isinstance(node, ast.Name)}
        return any(node in self._results for node in nodes) or bool(read & self._result_names)

    @cached_property
    def _results(self) -> frozenset[ast.AST]:
        return frozenset(call for call in self._block.calls if self._dispatches.told_by(call))

    @cached_property
    def _result_names(self) -> frozenset[str]:
        return frozenset(
            name
            for _, target, value in self._block.bound
            if any(node in self._results for node in nodes_in(value))
            for name in _names_of(target)
        )


def left_by(following: Following, caller: Objects) -> Left:
    """Tell what a function leaves uncommitted that is given a session.

    Args:
        following: the function.
        caller: what holds the session's objects where it is called.
    """
    return caller.callees.inference.questions.ask(
        following.scope.memory,
        ("left unsaved", following.held, following.told),
        lambda: _left_by(following, caller),
        NOTHING_LEFT,
    )


def _left_by(following: Following, caller: Objects) -> Left:
    graph = build(following.function.node)
    if graph is None:
        return Left(may_end=True)
    unsaving = Unsaving(inside(following, caller), told=following.told)
    state = unsaving.walk(graph)
    scope = following.scope
    return Left(
        frozenset(each for each in state if isinstance(each, Returned)),
        frozenset(each for each in unsaved_in(state) if _is_given(each, scope)),
        unsaving.may_end(),
    )


def _is_given(unsaved: Unsaved, function: Scope) -> bool:
    bindings = function.bindings(unsaved.name)
    return bool(bindings) and all(isinstance(each.how, Parameter) for each in bindings)


def commits_at_end(context: ast.expr, scope: Scope, inference: Inference) -> bool:
    """Tell whether the end of a block over what opens or lends a session commits.

    Args:
        context: what the block is over.
        scope: the scope of the block.
        inference: follows the provider.

    Returns:
        True also where it may, unless the call has an option that is off, such as ``commit=False``.
    """
    known = inference.known(context, scope)
    if known is None or not may_commit_at_end(known, inference):
        return False
    options = context.keywords if isinstance(context, ast.Call) else []
    return not any(
        isinstance(option.value, ast.Constant) and option.value.value is False for option in options
    )


def _parts(works: Sequence[Work]) -> tuple[list[Did], list[Did]]:
    return [work.always for work in works], [work.ever for work in works]


def _first_told(row: Unsaved) -> tuple[object, ...]:
    return not row.is_new, row.is_key, row.name, start_of(row.write)


def _line(end: ast.Call | ast.withitem) -> int:
    return end.lineno if isinstance(end, ast.Call) else end.context_expr.lineno


def _names_of(target: ast.expr) -> Iterator[str]:
    match target:
        case ast.Name() | ast.Attribute():
            yield dotted_name(target)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _names_of(part)
        case ast.Starred(value=inner):
            yield from _names_of(inner)
