"""What each event does to the state of a session or connection."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import TypeGuard

from flake8_dbsession.analysis.flow.graph import (
    Bind,
    Collect,
    Enter,
    Evaluate,
    Event,
    Finish,
    Iterate,
    Leave,
    Take,
)
from flake8_dbsession.analysis.library.methods import CLOSERS, ENDING_TRANSACTIONS
from flake8_dbsession.analysis.library.python import KEEPING, REWRAPPING
from flake8_dbsession.analysis.library.running import STARTERS
from flake8_dbsession.analysis.library.wrappers import (
    CLOSING,
    ENTERING,
    EXITING,
    REGISTERING,
    REGISTERING_FUNCTIONS,
)
from flake8_dbsession.analysis.lifetimes.fates import GIVEN_BACK, Fate, Outcome, furthest
from flake8_dbsession.analysis.lifetimes.model import (
    Close,
    Closing,
    Handing,
    HandOn,
    Leak,
    Leaving,
    Opened,
    Traits,
)
from flake8_dbsession.analysis.lifetimes.names import Names, is_generator
from flake8_dbsession.analysis.lifetimes.state import (
    ANY,
    CLOSED,
    RETURNED,
    UNKNOWN,
    Meaning,
    Reader,
    State,
    Status,
    one_of,
)
from flake8_dbsession.analysis.names.functions import arguments_of
from flake8_dbsession.analysis.nodes import dotted_name, root_of, unawaited

_UNUSED = frozenset({Status.CREATED, Status.ADDED_TO})
_ADDING_METHODS = frozenset({"add", "add_all"})
# They take no connection from the pool, and give one back at most.
_IDLE_METHODS = frozenset(
    {"__aenter__", "commit", "expire", "expire_all", "expunge", "expunge_all", "get_bind",
     "rollback", "reset"}
)  # fmt: skip
_TAKING_METHODS = frozenset({"__aexit__", "__exit__", "cleanup", "dispose", "pop", "popleft"})
# What these do to a holder is known whatever its class.
_OF_HOLDERS = CLOSERS | _TAKING_METHODS | REWRAPPING | {"pop_all"}
_REGISTERING = REGISTERING | REGISTERING_FUNCTIONS


def _begins(method: str, state: State) -> bool:
    """Tell whether a method of a session begins a transaction, and sends nothing."""
    return method == "begin" or (method == "begin_nested" and state.status is Status.CREATED)


class Transfer:
    """The effect of events on one opened object; notes what it sees of closes and hand-ons.

    Args:
        opened: the expression that opens the object.
        names: the names of the function.
        reader: reads expressions in a state.
        traits: what is known of calls.
        follow_later: whether the expression may be evaluated again, so that the object of a later
            turn is to be followed as well as that of the first.
    """

    def __init__(
        self, opened: Opened, names: Names, reader: Reader, traits: Traits, follow_later: bool
    ) -> None:
        self._opened = opened
        self._names = names
        self._reader = reader
        self._traits = traits
        self._follow_later = follow_later
        self.closes: set[Close] = set()
        self.hand_ons: set[HandOn] = set()
        self.uses_after_close: set[ast.expr] = set()
        self.reopenings: set[ast.expr] = set()
        self.is_held = False
        self.outlives = False
        self._guards: set[ast.expr] = set()

    def after(self, event: Event, state: State) -> Iterator[State]:
        """Give the states after an event that completes."""
        if state.status is Status.UNBORN and not isinstance(event, (Bind, Take, Evaluate, Finish)):
            yield state
            return
        match event:
            case Evaluate(node=node):
                if node is self._opened.node:
                    yield from self._open(node, state)
                elif state.status is Status.UNBORN:
                    yield state
                else:
                    yield from self._evaluate(node, state)
            case Take(whole=whole, part=part):
                yield self._take(whole, part, state)
            case Bind(target=target, value=value):
                yield from self._kept(self._bound(target, value, state), target)
            case Iterate(node=node):
                yield self._taken_apart(node, state)
            case Collect(node=node, element=element):
                holds = self._reader.holds(element, state)
                yield state._replace(holders=state.holders | {node}) if holds else state
            case Enter(node=item):
                yield self._enter(item, state)
            case Leave(node=item):
                yield self._leave(item, state)
            case Finish(node=node):
                yield from self._kept(self._finish(node, state), node)

    def after_raise(self, event: Event | None, raising: ast.AST, before: State) -> Iterator[State]:
        """Give the states after an event that raises.

        A use fails only after it took effect, and an opening before, be it by the expression itself
        or by entering what that gave; closing, handing on and making an object that holds it do not
        fail. What a function did before it raised is its own affair.
        """
        is_part = self._opened.part is not None
        if is_part and isinstance(event, Bind) and event.value is self._opened.node:
            return  # it is unpacked as it was packed
        states: Iterable[State] = [before]
        fate = self._fate(event.node, before) if isinstance(event, Evaluate) else None
        is_opening = raising is self._opened.node or _enters(raising)
        if fate is not None:
            states = self._arrived(raising, fate.on_raise, before)
        elif event is not None and not is_opening and not self._takes_first(raising, before):
            states = [
                state
                for state in self.after(event, before)
                if state.status in (before.status, Status.LIVE) and raising not in state.holders
            ]
            if self._ends_transaction(raising, before):
                states = [before._replace(status=Status.LIVE)]
        for state in states:
            yield from self._kept(state.settled(), raising, Leaving.RAISES)

    def _ends_transaction(self, node: ast.AST, state: State) -> bool:
        """Tell whether a call gives back the connection that a session has taken, or will take."""
        match unawaited(node) if isinstance(node, ast.expr) else None:
            case ast.Call(func=ast.Attribute(value=owner, attr=method)):
                is_own = self._opened.rests and self._reader.refers(owner, state)
                has_work = state.status in (Status.ADDED_TO, Status.LIVE)
                return is_own and has_work and method in ENDING_TRANSACTIONS
        return False

    def _takes_first(self, node: ast.AST, state: State) -> bool:
        """Tell whether a call only takes a session's first connection: failing, it has none."""
        match unawaited(node) if isinstance(node, ast.expr) else None:
            case ast.Call(func=ast.Attribute(value=owner, attr="connection")):
                is_first = state.status in _UNUSED and self._opened.is_session
                return is_first and self._reader.refers(owner, state)
        return False

    # Events

    def _open(self, node: ast.expr, state: State) -> Iterator[State]:
        if state.status is not Status.UNBORN:
            # It is the object of an earlier turn that is followed here.
            later = state._replace(objects=state.objects - {node})
            yield from self._kept(later, node)
            return
        status = Status.LIVE if self._opened.live_at_once else Status.CREATED
        yield state._replace(status=status, objects=frozenset({node}))
        if self._follow_later:
            yield state

    def _evaluate(self, node: ast.expr, state: State) -> Iterator[State]:
        fate = self._fate(node, state)
        if fate is not None:
            yield from self._arrived(node, fate.on_return, state)
            return
        match node:
            case ast.Await(
                value=ast.Call(func=ast.Attribute(value=owner, attr="__aenter__" | "connection"))
            ):
                yield self._use(node, state) if self._reader.refers(owner, state) else state
            case ast.Call():
                yield self._call(node, state)
            case ast.Await(value=ast.Name() as coroutine) if self._reader.holds(coroutine, state):
                yield self._hand_on(node, Handing.UNKNOWN, state)
            case ast.Subscript(value=value) if not self._reader.refers(value, state):
                yield self._taken_apart(value, state)
            case ast.Yield(value=value) if self._reader.holds(value, state):
                if self._traits.yield_hands_on:
                    yield self._hand_on(node, Handing.YIELDED, state)
                else:
                    yield self._use(node, state)
            case _:
                yield state

    def _fate(self, node: ast.expr, state: State) -> Fate | None:
        """Tell what becomes of the object in a call that is given it, or a holder of it.

        Returns:
            The fate in what the call runs now; None where it runs nothing, where the object goes
            into a container or is registered, and where its own method is called.
        """
        call = unawaited(node)
        if state.status is Status.UNBORN or not isinstance(call, ast.Call):
            return None
        if isinstance(call.func, ast.Attribute) and self._reader.refers(call.func.value, state):
            return None
        if isinstance(call.func, (ast.Call, ast.Name)) and self._reader.holds(call.func, state):
            unfolded = self._traits.unfolded(call)
            call = unfolded if unfolded is not None else call
        is_of_holder = self._is_method_of_holder(call, state)
        given = [] if is_of_holder else self._followed_arguments(call, state)
        if not is_of_holder and not given:
            return None
        is_coroutine = self._traits.runs_when_awaited(call)
        if is_coroutine is isinstance(node, ast.Call):
            return GIVEN_BACK if is_coroutine else None
        if is_of_holder:
            return self._traits.fate_in_holder(call)
        return furthest(
            self._traits.fate(call, key, not self._reader.refers(value, state))
            for key, value in given
        )

    def _is_method_of_holder(self, call: ast.Call, state: State) -> bool:
        """Tell whether a call is a method's of an object that holds the followed one."""
        match call.func:
            case ast.Attribute(value=owner, attr=method) if method not in _OF_HOLDERS:
                return self._reader.holds(root_of(owner), state)
        return False

    def _followed_arguments(self, call: ast.Call, state: State) -> list[tuple[int | str, ast.expr]]:
        """Give the arguments of a call that are the object or hold it, if its callee decides."""
        given = self._given(call, state)
        if not given or self._reader.refers(call, state):
            return []
        match call.func:
            case ast.Attribute(value=owner, attr=method):
                if self._reader.holds(root_of(owner), state) or method in KEEPING:
                    return []
            case ast.Name() as closure if self._reader.holds(closure, state):
                return []
        if _registers(call) or _last_segment(call.func) in STARTERS | REWRAPPING:
            return []
        is_closer = any(self._reader.closer(value, state) for _, value in given)
        return [] if is_closer else given

    def _given(self, call: ast.Call, state: State) -> list[tuple[int | str, ast.expr]]:
        """Give the arguments of a call that are the object or hold it, with their keys."""
        return [
            (key, value) for key, value in arguments_of(call) if self._reader.holds(value, state)
        ]

    def _arrived(
        self, node: ast.AST, outcomes: frozenset[Outcome], state: State
    ) -> Iterator[State]:
        """Give the states in which a function that was given the object leaves it."""
        assert isinstance(node, ast.expr)
        call = unawaited(node)
        state = state._replace(holders=state.holders - {call})  # the coroutine is over
        for outcome in sorted(outcomes, key=lambda each: each.value):
            match outcome:
                case Outcome.UNTOUCHED:
                    yield state
                case Outcome.ADDED_TO:
                    is_new = state.status is Status.CREATED
                    yield state._replace(status=Status.ADDED_TO) if is_new else state
                case Outcome.USED:
                    yield self._use(call, state)
                case Outcome.CLOSED:
                    yield self._close(call, Closing.CALLEE, self._use(call, state))
                case Outcome.ONLY_CLOSED:
                    yield self._close(call, Closing.CALLEE, state)
                case Outcome.KEPT:
                    yield self._hand_on(call, Handing.STORED, state)
                case Outcome.UNKNOWN:
                    yield self._hand_on(call, Handing.UNKNOWN, state)
                case Outcome.CLOSED_AT_END:
                    self._guards.add(node)
                    yield state._replace(holders=state.holders | {node})
                case Outcome.USED_AND_GIVEN_BACK:
                    used = self._use(call, state)
                    yield used._replace(holders=used.holders | {node})
                case Outcome.GIVEN_BACK:
                    yield state._replace(holders=state.holders | {node})

    def _call(self, call: ast.Call, state: State) -> State:
        reader = self._reader
        match call.func:
            case ast.Attribute(value=owner, attr=method) if reader.refers(owner, state):
                return self._method(call, method, state)
            case ast.Attribute(value=owner, attr=method) if reader.holds(root_of(owner), state):
                if method in CLOSERS:
                    return self._close(call, Closing.CALLEE, state)
                if method == "pop_all":
                    return state._replace(holders=state.holders | {call})
                if method in _TAKING_METHODS:
                    return self._hand_on(call, Handing.HOLDER, state)
                if method in REWRAPPING and self._is_container(owner):
                    return state._replace(holders=state.holders | {call})
                if method not in KEEPING:
                    state = self._use(call, state)
            case ast.Name() as registry if reader.refers(registry, state):
                return state  # its session connects later
            case ast.Name(id=name) as closure if reader.holds(closure, state):
                return self._call_closure(call, name, state)
        return self._arguments(call, state)

    def _is_container(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id in self._names.containers

    def _method(self, call: ast.Call, method: str, state: State) -> State:
        if method in CLOSERS or method == "remove":  # as that of a registry
            return self._close(call, Closing.BY_HAND, state)
        if method in EXITING and self._opened.block_closes:
            return self._close(call, Closing.BY_HAND, state)
        if self._ends_transaction(call, state):
            return state._replace(status=Status.CREATED)
        if method in _ADDING_METHODS and state.status in (Status.CREATED, Status.ADDED_TO):
            return state._replace(status=Status.ADDED_TO)
        if method == "commit" and state.status in (Status.ADDED_TO, *CLOSED):
            return self._use(call, state)
        if self._opened.is_session and _begins(method, state):
            return state  # the connection is taken by the first statement
        if method == "connection" and self._opened.is_async:
            return state  # it is taken where that is awaited
        return state if method in _IDLE_METHODS or _copies(call) else self._use(call, state)

    def _call_closure(self, call: ast.Call, name: str, state: State) -> State:
        closure = self._names.closures.get(name)
        is_closer = closure is not None and self._reader.closer(closure, state)
        if is_closer or name in self._names.closers:
            return self._close(call, Closing.CALLEE, state)
        if closure is not None and is_generator(closure):
            return state._replace(holders=state.holders | {call})
        return self._use(call, state)

    def _arguments(self, call: ast.Call, state: State) -> State:
        """Decide what a call keeps of the object, or a holder of it, among its arguments."""
        reader = self._reader
        given = [value for _, value in self._given(call, state)]
        name = _last_segment(call.func)
        if given and _registers(call):
            return self._register(call, given, state)
        if not given or reader.refers(call, state):
            return state
        if name in STARTERS or any(reader.closer(value, state) for value in given):
            return self._hand_on(call, Handing.REGISTERED, state)
        if name in KEEPING and isinstance(call.func, ast.Attribute):
            return self._store(call.func.value, call, state)
        if name in REWRAPPING:
            return state._replace(holders=state.holders | {call})
        return state

    def _register(self, call: ast.Call, given: list[ast.expr], state: State) -> State:
        """Give the object, or what closes it, to an exit stack or the like."""
        owner = root_of(call.func)
        if not isinstance(owner, ast.Name):
            return self._hand_on(call, Handing.REGISTERED, state)
        if owner.id in self._names.made_here:
            return state._replace(holders=state.holders | {owner.id})
        if self._is_stack(owner) and not self._block_closes(given[-1], state):
            return state
        return self._hand_on(call, Handing.REGISTERED, state)

    def _is_stack(self, manager: ast.expr) -> bool:
        return isinstance(manager, ast.Name) and manager.id in self._names.stacks

    def _block_closes(self, manager: ast.expr, state: State) -> bool:
        """Tell whether the end of a ``with`` over an expression closes the object."""
        is_plain = self._reader.refers(manager, state)
        return (
            not is_plain or self._opened.block_closes or _last_segment_of_call(manager) in CLOSING
        )

    def _take(self, whole: ast.expr, part: ast.expr, state: State) -> State:
        if self._reader.refers(part, state):
            return state._replace(objects=state.objects | {whole})
        if self._reader.holds(part, state):
            return state._replace(holders=state.holders | {whole})
        return state.bind(whole, self._reader.values(part, state))

    def _bound(self, target: ast.expr | str, value: ast.AST | None, state: State) -> State:
        if isinstance(value, ast.AugAssign):
            return self._augment(target, value.value, state)
        if _is_registered(value) and self._reader.holds(value, state):
            state = self._hand_on(value, Handing.REGISTERED, state)
        unpacked = isinstance(target, (ast.Tuple, ast.List))
        meaning = self._reader.meaning(value, state, unpacked=unpacked)
        bound = self._bind(target, meaning, state)
        match target, value:
            case ast.Name(id=name), ast.Name(id=other) if name != other and not meaning.holds:
                return bound._replace(same=bound.same | {(name, other)})
        return bound

    def _bind(self, target: ast.expr | str, value: Meaning, state: State) -> State:
        match target:
            case str(name) | ast.Name(id=name):
                return self._bind_name(name, value, state)
            case ast.Starred(value=inner):
                return self._bind(inner, value._replace(refers=False), state)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                return self._unpack(targets, value, state)
            case ast.Attribute() if self._reader.refers(target, state):
                return self._bind_name(dotted_name(target), value, state)
        return self._store(target, target, state) if value.holds else state

    def _bind_name(self, name: str, value: Meaning, state: State) -> State:
        if value.holds and name in self._names.shared:
            return self._hand_on(self._opened.node, Handing.STORED, state)
        if value.refers:
            bound = state.bind(name, ANY)
            return bound._replace(objects=bound.objects | {name})
        # What a function captures is looked up when it is called, by the names of that time.
        closure = self._names.closures.get(name)
        if value.holds and (closure is None or self._reader.defaults_hold(closure, state)):
            bound = state.bind(name, ANY)
            return bound._replace(holders=bound.holders | {name})
        return state.bind(name, value.values)

    def _unpack(self, targets: list[ast.expr], value: Meaning, state: State) -> State:
        parts = value.parts
        if value.refers and self._opened.part is not None and self._opened.part < len(targets):
            beside = self._opened.beside or ((),) * len(targets)
            parts = tuple(
                value if index == self._opened.part else one_of(constants)
                for index, constants in enumerate(beside)
            )
        if len(parts) != len(targets):
            parts = (UNKNOWN,) * len(targets)
            if value.holds:
                state = self._hand_on(self._opened.node, Handing.HOLDER, state)
        for target, part in zip(targets, parts, strict=True):
            state = self._bind(target, part, state)
        return state

    def _augment(self, target: ast.expr | str, value: ast.expr, state: State) -> State:
        """Add to what a target stands for: ``opened += [db]``."""
        holds = self._reader.holds(value, state)
        if not isinstance(target, ast.Name):
            return self._bind(target, self._reader.meaning(value, state), state)
        if holds:
            return state._replace(holders=state.holders | {target.id})
        return state if target.id in state.holders else state.bind(target.id, ANY)

    def _enter(self, item: ast.withitem, state: State) -> State:
        manager = item.context_expr
        if self._reader.refers(manager, state):
            closes = self._block_closes(manager, state)
            return state._replace(objects=state.objects | {item}) if closes else state
        if manager in self._guards and manager in state.holders:
            return state._replace(objects=state.objects | {item})
        if self._reader.holds(manager, state) and not self._is_stack(manager):
            if self._traits.borrows(manager):
                return state._replace(holders=state.holders - {manager})
            return self._hand_on(item.context_expr, Handing.HOLDER, state)
        return state

    def _leave(self, item: ast.withitem, state: State) -> State:
        manager = item.context_expr
        if self._reader.holds(manager, state) and self._is_stack(manager):
            return self._close(manager, Closing.BLOCK, state)
        if self._is_begun(manager, state) and state.status in (Status.ADDED_TO, Status.LIVE):
            return state._replace(status=Status.CREATED)
        if item not in state.objects:
            return state
        left = state._replace(objects=state.objects - {item})
        return self._close(item.context_expr, Closing.BLOCK, left)

    def _is_begun(self, manager: ast.expr, state: State) -> bool:
        """Tell whether a block is the transaction of a session, which holds nothing after it."""
        match manager:
            case ast.Call(func=ast.Attribute(value=owner, attr="begin")):
                return self._opened.is_session and self._reader.refers(owner, state)
        return False

    def _finish(self, node: ast.stmt | ast.expr, state: State) -> State:
        if isinstance(node, (ast.Return, ast.Lambda)):
            value = node.value if isinstance(node, ast.Return) else node.body
            if self._reader.holds(value, state):
                state = state._replace(holders=state.holders | {RETURNED})
            else:
                state = state._replace(holders=state.holders - {RETURNED})
        state = state.settled()
        self.is_held |= bool(state.objects or state.holders)
        return state

    # Effects

    def _use(self, node: ast.expr, state: State) -> State:
        if state.status in CLOSED:
            self.uses_after_close.add(node)
            # One that was closed unused has held no connection before: this one is all it has.
            is_first = state.status is Status.CLOSED_UNUSED
            status = Status.LIVE if is_first else Status.REOPENED
            return state._replace(status=status, reopened_by=node)
        if state.reopened_by is not None:
            self.uses_after_close.add(node)
        if state.status in _UNUSED:
            return state._replace(status=Status.LIVE)
        return state

    def _close(self, node: ast.AST, how: Closing, state: State) -> State:
        if state.status is Status.UNBORN:
            return state
        self.closes.add(Close(node, how))
        is_unused = state.status in (*_UNUSED, Status.CLOSED_UNUSED)
        status = Status.CLOSED_UNUSED if is_unused else Status.CLOSED
        return state._replace(status=status, reopened_by=None)

    def _hand_on(self, node: ast.AST, how: Handing, state: State) -> State:
        if state.status is Status.UNBORN:
            return state
        self.is_held = True
        self.hand_ons.add(HandOn(node, how))
        return state._replace(status=Status.HANDED_ON)

    def _store(self, place: ast.expr, node: ast.AST, state: State) -> State:
        """Put the object into a container or another object."""
        root = root_of(place)
        if isinstance(root, ast.Name) and root.id in self._names.made_here:
            return state._replace(holders=state.holders | {root.id})
        if self._reader.refers(root, state):
            return state
        return self._hand_on(node, Handing.STORED, state)

    def _taken_apart(self, node: ast.AST | None, state: State) -> State:
        """Step through a container: which of its elements goes where is not followed."""
        if self._reader.refers(node, state):
            return state
        if self._reader.holds(node, state):
            return self._hand_on(node or self._opened.node, Handing.HOLDER, state)
        return state

    def _kept(
        self, state: State, node: ast.AST | str, how: Leaving = Leaving.LOSES
    ) -> Iterator[State]:
        """Go on with an object that something refers to, or that is lost while it is live.

        A lost one leaks only where the function is left, and not by the end of the process.
        """
        if not state.is_lost():
            yield state
        elif state.status is Status.LIVE:
            place = node if isinstance(node, ast.AST) else self._opened.node
            yield state._replace(status=Status.LOST, objects=frozenset({Leak(place, how)}))
        elif how is Leaving.LOSES:
            self.outlives |= state.status is Status.HANDED_ON
            if state.reopened_by is not None:
                self.reopenings.add(state.reopened_by)


def _is_registered(value: ast.AST | None) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Tell whether a decorator puts a function away for later, as ``atexit.register`` does."""
    return isinstance(value, (ast.FunctionDef, ast.AsyncFunctionDef)) and any(
        _last_segment(each) in _REGISTERING for each in value.decorator_list
    )


def _registers(call: ast.Call) -> bool:
    """Tell whether a call puts what it is given away for later."""
    name = _last_segment(call.func)
    is_method = isinstance(call.func, ast.Attribute)
    return name in _REGISTERING and (is_method or name in REGISTERING_FUNCTIONS)


def _copies(call: ast.Call) -> bool:
    """Tell whether a call is ``session.merge(row, load=False)``, which asks no database."""
    match call:
        case ast.Call(func=ast.Attribute(attr="merge"), keywords=keywords):
            return any(
                keyword.arg == "load"
                and isinstance(keyword.value, ast.Constant)
                and keyword.value.value is False
                for keyword in keywords
            )
    return False


def _enters(node: ast.AST) -> bool:
    """Tell whether a call enters a context manager by hand."""
    if isinstance(node, ast.Await):
        return _enters(node.value)
    return isinstance(node, ast.Call) and _last_segment(node.func) in ENTERING


def _last_segment(node: ast.expr) -> str:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _last_segment_of_call(node: ast.expr) -> str:
    return _last_segment(node.func) if isinstance(node, ast.Call) else ""
