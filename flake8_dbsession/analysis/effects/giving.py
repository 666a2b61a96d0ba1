"""Whether a generator surely gives a session once: never None, and nothing after an error."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import TypeAlias

from flake8_dbsession.analysis.effects.effects import Effects
from flake8_dbsession.analysis.effects.optional import may_give_none
from flake8_dbsession.analysis.effects.work.generators import entered
from flake8_dbsession.analysis.flow import build, carry_forward
from flake8_dbsession.analysis.flow.expressions import is_none_test
from flake8_dbsession.analysis.flow.graph import Bind, Evaluate, Event, Iterate, Take
from flake8_dbsession.analysis.library.wrappers import GENERATOR_TYPES, STACK_ENTRIES
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import LOOPS, Scope, last_segment
from flake8_dbsession.analysis.names.values import FunctionValue, Role
from flake8_dbsession.analysis.nodes import nodes_in, own_nodes, unawaited
from flake8_dbsession.named_tuples import NamedTuple

_MOST_WAYS = 100  # through a generator, with different values; one with more is not judged


class Giving(NamedTuple):
    """What can go wrong with what a generator gives.

    Attributes:
        may_be_none: whether it may give None in the place of a session or connection.
        yields_again: whether it may yield once more after an error in the block, or a good end; for
            that whoever runs it raises ``RuntimeError``.
    """

    may_be_none: bool = False
    yields_again: bool = False


_SOUND = Giving()


def giving_of(function: FunctionValue, inference: Inference) -> Giving:
    """Tell what can go wrong with what a generator of the project gives.

    Args:
        function: the generator, or a function that gives what another one gives.
        inference: answers what it calls.
    """
    generator = entered(function, inference)
    if generator is None:
        return _SOUND
    scope = generator.scope.child(generator.node)
    return inference.questions.ask(
        scope.memory, "giving", lambda: _giving(scope, inference), _SOUND
    )


def _giving(scope: Scope, inference: Inference) -> Giving:
    walk = _Walk(scope, inference)
    walk.run()
    around = (_of_call(each, scope, inference) for each in _blocks_around_yields(scope))
    return Giving(
        walk.gives_none or _says_none(scope.node),
        walk.yields_again or any(each.yields_again for each in around),
    )


def _of_call(call: ast.expr, scope: Scope, inference: Inference) -> Giving:
    callee = inference.value(call.func, scope) if isinstance(call, ast.Call) else None
    return giving_of(callee, inference) if isinstance(callee, FunctionValue) else _SOUND


def _blocks_around_yields(scope: Scope) -> Iterator[ast.expr]:
    for node in own_nodes(scope.node):
        if isinstance(node, (ast.With, ast.AsyncWith)):
            inside = (part for statement in node.body for part in nodes_in(statement))
            if any(isinstance(part, ast.Yield) for part in inside):
                yield from (item.context_expr for item in node.items)


def _says_none(node: ast.AST) -> bool:
    """Tell whether the annotation of a generator has None among what it yields."""
    match getattr(node, "returns", None):
        case ast.Subscript(value=of, slice=inner) if last_segment(of) in GENERATOR_TYPES:
            return _has_none(
                inner.elts[0] if isinstance(inner, ast.Tuple) and inner.elts else inner
            )
    return False


def _has_none(annotation: ast.expr) -> bool:
    match annotation:
        case ast.BinOp(left=left, right=right):
            return _has_none(left) or _has_none(right)
        case ast.Subscript(value=of, slice=ast.Tuple(elts=parts)):
            return last_segment(of) == "Union" and any(map(_has_none, parts))
        case ast.Subscript(value=of):
            return last_segment(of) == "Optional"
    return isinstance(annotation, ast.Constant) and annotation.value is None


class _Is(Enum):
    """What a name stands for, as far as it matters here."""

    NONE = "None"
    TRUE = "True"
    FALSE = "False"
    SOME = "anything else"
    UNKNOWN = "unknown"


_CONSTANTS = {None: _Is.NONE, True: _Is.TRUE, False: _Is.FALSE}


class _Way(NamedTuple):
    """What is known on one way through a generator.

    Attributes:
        names: what names and conditional expressions stand for, those left out that are unknown.
        has_given: whether it has yielded, and nothing went wrong in the block.
        has_failed: whether an error came out of the block.
    """

    names: frozenset[tuple[str | ast.AST, _Is]] = frozenset()
    has_given: bool = False
    has_failed: bool = False

    def of(self, name: str | ast.AST) -> _Is:
        return next((known for each, known in self.names if each == name), _Is.UNKNOWN)

    def of_names(self) -> _Way:
        """Forget the expressions, whose values are gone."""
        kept = frozenset(pair for pair in self.names if isinstance(pair[0], str))
        return self._replace(names=kept)

    def telling(self, name: str | ast.AST, known: _Is) -> _Way:
        others = frozenset(pair for pair in self.names if pair[0] != name)
        return self._replace(names=others if known is _Is.UNKNOWN else others | {(name, known)})


_Ways: TypeAlias = frozenset[_Way]


class _TooManyError(Exception):
    """A generator has too many ways through it."""


class _Walk:
    """Follows the ways through a generator.

    Attributes:
        gives_none: whether one of them yields None.
        yields_again: whether one of them yields twice.
    """

    def __init__(self, scope: Scope, inference: Inference) -> None:
        self._scope = scope
        self._inference = inference
        self._retried = _retried(scope)
        self._local = _stored(scope.node)
        self.gives_none = False
        self.yields_again = False

    def run(self) -> None:
        """Follow them all; nothing is told of too many."""
        calls = Effects(self._inference).calls(self._scope)
        graph = build(self._scope.node, calls)  # type: ignore[arg-type]
        if graph is None:
            return
        try:
            carry_forward(graph, frozenset({_Way()}), self._step, _joined, self._assume)
        except _TooManyError:
            self.gives_none = self.yields_again = False

    def _assume(self, test: ast.expr, truth: bool, ways: _Ways) -> _Ways | None:
        return _assumed(test, truth, ways, self._local)

    def _step(self, event: Event, ways: _Ways) -> tuple[_Ways, _Ways]:
        match event:
            case Evaluate(node=ast.Yield(value=value)):
                self._note(value, ways)
                given = _each(ways, lambda way: way._replace(has_given=True))
                return given, _each(ways, lambda way: way._replace(has_failed=True))
            case Iterate(node=iterable):
                ways = self._next_turn(iterable, ways)
            case Take(whole=ast.BoolOp(op=ast.Or(), values=[*first, _]) as whole, part=part) if (
                part in first
            ):
                ways = _each(ways, lambda way: way.telling(whole, _Is.SOME))  # else it went on
            case Take(whole=whole, part=part):
                ways = self._bound(whole, part, ways)
            case Bind(target=ast.Name(id=name) | str(name), value=value):
                ways = self._bound(name, value, ways)
        return ways, ways

    def _note(self, value: ast.expr | None, ways: _Ways) -> None:
        for way in ways:
            self.yields_again |= way.has_given or way.has_failed
            self.gives_none |= value is None or _Is.NONE in self._values(value, way)

    def _next_turn(self, iterable: ast.expr, ways: _Ways) -> _Ways:
        """Forget that something was given: a loop over another generator has one turn.

        Nor does that come again after an error in the block, which it is not told of.
        """
        known = self._inference.known(iterable, self._scope)
        if known is not None and known.role is Role.GENERATOR:
            return _each(ways, lambda way: way._replace(has_given=False, has_failed=False))
        return _each(ways, lambda way: way._replace(has_given=False))

    def _bound(self, name: str | ast.AST, value: ast.AST | None, ways: _Ways) -> _Ways:
        if name in self._retried and isinstance(value, ast.Constant):
            return _each(ways, lambda way: way.telling(name, _Is.UNKNOWN))
        return frozenset(
            (way.of_names() if isinstance(name, str) else way).telling(name, known)
            for way in ways
            for known in self._values(value, way)
        )

    def _values(self, value: ast.AST | None, way: _Way) -> Iterable[_Is]:
        match unawaited(value):
            case ast.Constant(value=constant) if constant is None or isinstance(constant, bool):
                return (_CONSTANTS[constant],)
            case ast.Name(id=name):
                return (way.of(name),)
            case ast.NamedExpr(value=inner):
                return self._values(inner, way)
            case ast.Call() as call:
                return (_Is.SOME, _Is.NONE) if self._may_give_none(call) else (_Is.SOME,)
            case ast.AST() as node:
                return (way.of(node),)
        return (_Is.UNKNOWN,)

    def _may_give_none(self, call: ast.Call) -> bool:
        if last_segment(call.func) in STACK_ENTRIES and call.args:
            return _of_call(call.args[0], self._scope, self._inference).may_be_none
        callee = self._inference.value(call.func, self._scope)
        if not isinstance(callee, FunctionValue) or entered(callee, self._inference) is None:
            return may_give_none(call, self._scope, self._inference)
        return giving_of(callee, self._inference).may_be_none


def _stored(node: ast.AST) -> frozenset[str]:
    """Give the names that are bound in some code."""
    return frozenset(
        each.id
        for each in nodes_in(node)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    )


def _retried(scope: Scope) -> frozenset[str]:
    """Give the names bound in loops that also raise: such a loop is taken not to end in vain."""
    loops = (node for node in own_nodes(scope.node) if isinstance(node, LOOPS))
    return frozenset(
        name
        for loop in loops
        if any(isinstance(inner, ast.Raise) for inner in nodes_in(loop))
        for name in _stored(loop)
    )


def _each(ways: _Ways, change: Callable[[_Way], _Way]) -> _Ways:
    return frozenset(map(change, ways))


def _joined(one: _Ways, other: _Ways) -> _Ways:
    both = one | other
    if len(both) > _MOST_WAYS:
        raise _TooManyError
    return both


def _assumed(test: ast.expr, truth: bool, ways: _Ways, names: frozenset[str]) -> _Ways | None:
    """Leave the ways on which a test can come out so, with what it tells of one of some names."""
    asked = test.left if isinstance(test, ast.Compare) and is_none_test(test) else test
    if isinstance(asked, ast.NamedExpr):
        asked = asked.target
    key = asked.id if isinstance(asked, ast.Name) else asked
    certain, told = _told_by(test, truth)
    left = []
    for way in ways:
        known = way.of(key)
        if known in (_Is.SOME, _Is.UNKNOWN):
            left.append(way.telling(key, told) if key in names else way)
        elif known in certain:
            left.append(way)
    return frozenset(left) or None


def _told_by(test: ast.expr, truth: bool) -> tuple[tuple[_Is, ...], _Is]:
    """Tell which values let a test come out so, and what any other one is taken for then."""
    if is_none_test(test):
        assert isinstance(test, ast.Compare)
        is_none = isinstance(test.ops[0], (ast.Is, ast.Eq)) is truth
        return ((_Is.NONE,), _Is.NONE) if is_none else ((_Is.TRUE, _Is.FALSE), _Is.SOME)
    return ((_Is.TRUE,), _Is.SOME) if truth else ((_Is.NONE, _Is.FALSE), _Is.NONE)
