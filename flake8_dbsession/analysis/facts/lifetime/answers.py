"""What a handler returns to whoever gave it the session, and whether that one works on with it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from enum import Enum

from flake8_dbsession.analysis.facts.acquisition import callers
from flake8_dbsession.analysis.facts.lifetime.conditions import missing_by
from flake8_dbsession.analysis.facts.lifetime.error_ways import Sequel, sequels_after
from flake8_dbsession.analysis.facts.lifetime.session_calls import SessionCalls
from flake8_dbsession.analysis.flow import build
from flake8_dbsession.analysis.flow.graph import Edge, Evaluate, Event
from flake8_dbsession.analysis.names.call_sites import calls_of
from flake8_dbsession.analysis.names.functions import arguments_of, receiving_parameter
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.parents import ancestors_in
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, Scope
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import arguments, dotted_name, names, nodes_in, own_nodes
from flake8_dbsession.named_tuples import NamedTuple

_TESTS = ("conftest.", "test_")  # beside the code; those in folders of their own are not searched


class Answer(Enum):
    """What a handler returns."""

    NOTHING = "nothing, or what is false"
    TRUE = "what is true"
    ANY = "what may be either"


class Site(NamedTuple):
    """A call that gives a function a session.

    Attributes:
        call: the call.
        scope: the scope it stands in.
        session: the session as it is written there.
    """

    call: ast.Call
    scope: Scope
    session: str


def answer_of(value: ast.expr | None) -> Answer:
    """Tell what a ``return`` gives."""
    match value:
        case None:
            return Answer.NOTHING
        case ast.Constant(value=constant):
            return Answer.TRUE if constant else Answer.NOTHING
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            return _answer_with(parts)
        case ast.Dict(keys=parts):
            return _answer_with(parts)
        case ast.JoinedStr(values=parts):
            is_written = any(isinstance(part, ast.Constant) and part.value for part in parts)
            return Answer.TRUE if is_written else Answer.ANY
    return Answer.ANY


def _answer_with(parts: list[ast.expr | None] | list[ast.expr]) -> Answer:
    """Tell what a container is, by what is written in it; ``*rest`` and ``**rest`` may be empty."""
    if not parts:
        return Answer.NOTHING
    is_any = all(part is None or isinstance(part, ast.Starred) for part in parts)
    return Answer.ANY if is_any else Answer.TRUE


def sites_of(function: Scope, session: str, inference: Inference) -> Iterator[Site]:
    """Find the calls in a function's file that give it a session.

    Args:
        function: the function's scope.
        session: the session's name in it.
        inference: answers what is called.
    """
    for call, scope in calls_of(function):
        callee = inference.value(call.func, scope)
        if isinstance(callee, FunctionValue) and callee.node is function.node:
            yield from _given(call, callee, session, scope)


def own_sites(function: Scope, session: str, inference: Inference) -> Iterator[Site]:
    """Find the calls of a method by the object's other methods, which have the same session.

    Args:
        function: the method's scope.
        session: the session as it is written: an attribute of the object.
        inference: answers what is called.
    """
    owner = function.receiver()
    if owner is None or not session.startswith(f"{owner}."):
        return
    for call, scope in calls_of(function):
        if dotted_name(call.func).rpartition(".")[0] == owner:
            callee = inference.value(call.func, scope)
            if isinstance(callee, FunctionValue) and callee.node is function.node:
                yield Site(call, scope, session)


def sites_elsewhere(function: Scope, session: str, inference: Inference) -> Iterator[Site]:
    """Find the calls in other files of the project, its tests left out, that give a session.

    Args:
        function: the function's scope.
        session: the session's name in it.
        inference: answers what is called.
    """
    for called in callers.calls_of(function, inference):
        path = called.scope.module.path
        if path != function.module.path and not path.name.startswith(_TESTS):
            callee = inference.value(called.node.func, called.inner)
            if isinstance(callee, FunctionValue):
                yield from _given(called.node, callee, session, called.inner)


def _given(call: ast.Call, callee: FunctionValue, session: str, scope: Scope) -> Iterator[Site]:
    for key, value in arguments_of(call):
        if receiving_parameter(callee, key) == session:
            yield Site(call, scope, dotted_name(value))


def works_after(site: Site, answer: Answer, inference: Inference) -> bool:
    """Tell whether a caller works on with the session where it is given a handler's answer.

    Args:
        site: the call.
        answer: what it is given.
        inference: follows what the caller calls.

    Returns:
        False where the caller looks at an answer that is not known to be true or false, for it may
        see there that something has failed.
    """
    function = site.scope.function()
    node = function.node if function is not None else None
    graph = build(node) if isinstance(node, FUNCTIONS) else None
    look = look_at(site.call, answer, function, inference) if function is not None else None
    if graph is None or look is None:
        return False
    calls = SessionCalls(site.session, None, site.scope, inference)
    sequels = sequels_after(site.call, graph, calls, is_open=look.is_open, ends=look.may_end)
    return Sequel.USED in sequels and not look.is_matched()


def look_at(call: ast.Call, answer: Answer, function: Scope, inference: Inference) -> Look | None:
    """Give what a caller can tell by looking at what a call gives it.

    Args:
        call: the call.
        answer: what it gives.
        function: the caller's scope.
        inference: answers what the caller calls.

    Returns:
        None where another takes it over, and where nothing would be taken apart.
    """
    results = _results_of(call, function)
    if results is None or (answer is Answer.NOTHING and results.is_unpacked):
        return None
    return Look(results, answer, function, inference)


class _Results(NamedTuple):
    """What a caller calls what it is given.

    Attributes:
        call: the call that gives it.
        written: all that has the value, as it is written.
        names: the names that it has, its parts, or the list that it is put into.
        is_unpacked: whether only its parts have names.
        is_listed: whether only that list has one.
    """

    call: ast.Call
    written: frozenset[str]
    names: frozenset[str] = frozenset()
    is_unpacked: bool = False
    is_listed: bool = False


class Look:
    """What a caller can tell by looking at what it was given."""

    def __init__(
        self, results: _Results, answer: Answer, function: Scope, inference: Inference
    ) -> None:
        self._results = results
        is_whole = not results.is_unpacked and not results.is_listed
        self._answer = answer if is_whole else Answer.ANY
        self._function = function
        self._inference = inference
        self._names = _made_of(results, function)

    def is_open(self, edge: Edge) -> bool:
        """Tell whether a way may be taken with such an answer."""
        if self._answer is Answer.NOTHING:
            return not self._shows_true(edge)
        if edge.test is None or not self._mentions(edge.test):
            return True
        return self._answer is Answer.TRUE and self._shows_true(edge)

    def may_end(self, event: Event) -> bool:
        """Tell whether a function of the project may raise for what it sees in the answer."""
        match event:
            case Evaluate(node=ast.Call() as call) if self._answer is not Answer.NOTHING:
                callee = self._inference.value(call.func, self._function)
                is_given = any(map(self._mentions, arguments(call)))
                return is_given and isinstance(callee, FunctionValue)
        return False

    def is_matched(self) -> bool:
        """Tell whether cases are made of an answer that is not known to be false."""
        return self._answer is not Answer.NOTHING and any(
            isinstance(node, ast.Match) and self._mentions(node.subject)
            for node in own_nodes(self._function.node)
        )

    def _mentions(self, expression: ast.expr) -> bool:
        call = self._results.call
        return names(expression, *self._names) or any(node is call for node in nodes_in(expression))

    def _shows_true(self, edge: Edge) -> bool:
        """Tell whether a way is taken only where the answer is true, or is no None."""
        test, truth = edge.test, edge.truth
        while isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            test, truth = test.operand, not truth
        if test is None:
            return False
        if truth and ast.unparse(test) in self._results.written:
            return True
        otherwise = missing_by(test, holds=not truth, fails=truth)
        return any(ast.unparse(missing) in self._results.written for missing in otherwise)


def _made_of(results: _Results, function: Scope) -> frozenset[str]:
    """Give the names of what a caller makes of an answer, its own among them."""
    found = results.names
    assigned = [node for node in own_nodes(function.node) if isinstance(node, ast.Assign)]
    while found:
        more = {
            target.id
            for node in assigned
            if names(node.value, *found)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        if more <= found:
            break
        found |= more
    return found


def _results_of(call: ast.Call, function: Scope) -> _Results | None:
    """Give what a call's value is called in a function; None where another takes it over."""
    written, is_turned = [ast.unparse(call)], False
    bound: set[str] = set()
    inner: ast.AST = call
    for around in ancestors_in(call, function):
        match around:
            case ast.Await() | ast.BoolOp():
                written.append(ast.unparse(around))
            case ast.UnaryOp(op=ast.Not()):
                is_turned = True
            case ast.NamedExpr(target=ast.Name(id=name)) if not is_turned:
                bound.add(name)
            case ast.Assign() | ast.AnnAssign() if is_turned:
                return None
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                bound.add(name)
                return _Results(call, frozenset({*written, *bound}), frozenset(bound))
            case ast.Assign(targets=[ast.Tuple() as targets]):
                parts = (node.id for node in nodes_in(targets) if isinstance(node, ast.Name))
                return _Results(call, frozenset(written), frozenset(parts), is_unpacked=True)
            case ast.Expr():
                return _Results(call, frozenset({*written, *bound}), frozenset(bound))
            case ast.If(test=test) | ast.While(test=test) if test is inner:
                return _Results(call, frozenset({*written, *bound}), frozenset(bound))
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append")):
                return _Results(call, frozenset(written), frozenset({name}), is_listed=True)
            case _:
                return None
        inner = around
    return None
