"""The state of one session or connection at one point, and what it says about expressions."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from enum import IntEnum
from typing import TypeAlias

from flake8_dbsession.analysis.library.methods import CLOSERS, METHODS
from flake8_dbsession.analysis.library.wrappers import SAME_OBJECT, STACK_ENTRIES
from flake8_dbsession.analysis.lifetimes.model import Leak, constructs_by_name
from flake8_dbsession.analysis.lifetimes.names import (
    Names,
    captured,
    closed_names,
    defaults,
)
from flake8_dbsession.analysis.nodes import dotted_name
from flake8_dbsession.named_tuples import NamedTuple

Key: TypeAlias = str | ast.AST | Leak
"""What can refer to an object: a name, or that of an attribute of the function's own object with a
dot in it; an expression under evaluation; an entered ``with`` item.

The leak by which an object was lost takes the place of all references to it.
"""

RETURNED = "return"
"""The key of the value that a ``return`` is about to hand back: no name is spelled like this."""

# Which values an expression can have, as a set of bits.
NONE, FALSE, TRUE = 1, 2, 4
ANY = NONE | FALSE | TRUE

_SAME_OBJECT = SAME_OBJECT | STACK_ENTRIES
_SAME_OBJECT_METHODS = frozenset({"execution_options"})


class Status(IntEnum):
    """How far the object has come.

    A session to which something was only added takes its connection when that is committed. One
    that is used after its close begins again, with another connection, until the next close.
    """

    UNBORN = 0
    CREATED = 1
    ADDED_TO = 2
    LIVE = 3
    CLOSED = 4
    CLOSED_UNUSED = 5
    HANDED_ON = 6
    LOST = 7
    REOPENED = 8


CLOSED = frozenset({Status.CLOSED, Status.CLOSED_UNUSED})
"""How far it is after a close."""


class State(NamedTuple):
    """One object at one point of one path.

    Attributes:
        status: how far it has come.
        objects: what stands for the object itself.
        holders: what stands for something that holds the object: a container, a service, a closure.
        facts: what is known of other names and expressions: which values (bits) they can have.
        same: the pairs of names that have the same value, whatever that is.
        reopened_by: the use that found it closed, where nothing has closed it again.
    """

    status: Status
    objects: frozenset[Key] = frozenset()
    holders: frozenset[Key] = frozenset()
    facts: frozenset[tuple[Key, int]] = frozenset()
    same: frozenset[tuple[Key, Key]] = frozenset()
    reopened_by: ast.expr | None = None

    def bind(self, name: Key, values: int) -> State:
        """Forget what a key stood for, and note which values it can have."""
        if not (self.objects or self.holders or self.same):
            return self.narrow(name, values)
        forgotten = self._replace(
            objects=self.objects - {name},
            holders=self.holders - {name},
            same=frozenset(pair for pair in self.same if name not in pair),
        )
        return forgotten.narrow(name, values)

    def narrow(self, name: Key, values: int) -> State:
        """Note which values a key can have, and with it what has the same value."""
        if values == ANY and not self.facts:
            return self
        names = {name}.union(*(pair for pair in self.same if name in pair))
        facts = frozenset(fact for fact in self.facts if fact[0] not in names)
        known = frozenset() if values == ANY else frozenset((each, values) for each in names)
        return self._replace(facts=facts | known)

    def settled(self) -> State:
        """Forget the values of expressions: their statement is over."""
        keys = (*self.objects, *self.holders, *(key for key, _ in self.facts))
        if not any(isinstance(key, ast.expr) for key in keys):
            return self
        return self._replace(
            objects=frozenset(key for key in self.objects if not isinstance(key, ast.expr)),
            holders=frozenset(key for key in self.holders if not isinstance(key, ast.expr)),
            facts=frozenset(fact for fact in self.facts if not isinstance(fact[0], ast.expr)),
        )

    def is_lost(self) -> bool:
        """Tell whether the object is there and nothing refers to it any more."""
        return self.status is not Status.UNBORN and not self.objects and not self.holders


class Meaning(NamedTuple):
    """What the value of an expression is.

    Attributes:
        refers: whether it is the object itself.
        holds: whether it is the object, or something that holds it.
        values: which values it can have, in bits.
        parts: the elements of a tuple or list that is written out.
    """

    refers: bool
    holds: bool
    values: int
    parts: tuple[Meaning, ...] = ()


UNKNOWN = Meaning(False, False, ANY)


class Reader:
    """Reads expressions in a state.

    Args:
        names: the names of the function.
        opened: all expressions in it that open something.
        peers: names that stand for such an object or for None, and for nothing else that is false.
        told: the tests of which is known how they come out once the object is there.
    """

    def __init__(
        self,
        names: Names,
        opened: frozenset[ast.expr],
        peers: frozenset[str] = frozenset(),
        told: Mapping[ast.expr, bool] | None = None,
    ) -> None:
        self._names = names
        self._opened = opened
        self._peers = peers
        self._told = told or {}
        self._entered: set[ast.AST] = set()

    def refers(self, node: ast.AST | None, state: State) -> bool:
        """Tell whether an expression is the object itself."""
        while node is not None and state.objects:
            if node in state.objects:
                return True
            match node:
                case ast.Name(id=name):
                    return name in state.objects and node not in self._names.of_comprehensions
                case ast.Await(value=inner) | ast.NamedExpr(value=inner):
                    node = inner
                case ast.Call(func=ast.Attribute(value=inner, attr=attribute)) if (
                    attribute in _SAME_OBJECT_METHODS
                ):
                    node = inner
                case ast.Call(func=function, args=[*_, last]) if _gives_same_object(function):
                    node = last
                case ast.Call(func=ast.Name() as registry, args=[]):
                    node = registry  # what a registry gives is its one session; no other is called
                case ast.Attribute():
                    return dotted_name(node) in state.objects
                case _:
                    return False
        return False

    def holds(self, node: ast.AST | None, state: State) -> bool:
        """Tell whether an expression is the object, or something that holds it."""
        if not (state.objects or state.holders):
            return False
        if node is None or self.refers(node, state) or node in state.holders:
            return node is not None
        match node:
            case ast.Name(id=name):
                is_own = node in self._names.of_comprehensions
                return not is_own and (name in state.holders or self._captured(name, state))
            case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
                return any(self.holds(part, state) for part in parts)
            case ast.Dict(values=parts):
                return any(self.holds(part, state) for part in parts)
            case ast.Await(value=inner) | ast.NamedExpr(value=inner) | ast.Starred(value=inner):
                return self.holds(inner, state)
            case ast.Attribute(value=owner, attr=attribute) if attribute in METHODS:
                return self.refers(owner, state)
            case (
                ast.Lambda()
                | ast.FunctionDef()
                | ast.AsyncFunctionDef()
                | ast.ClassDef()
                | ast.GeneratorExp()
            ):
                references = state.objects | state.holders
                return not captured(node).isdisjoint(references) or self.defaults_hold(node, state)
        return False

    def defaults_hold(self, closure: ast.AST, state: State) -> bool:
        """Tell whether a function holds the object by the default of a parameter."""
        return any(self.holds(default, state) for _, default in defaults(closure))

    def closer(self, node: ast.AST, state: State) -> bool:
        """Tell whether a value, when called, closes the object."""
        match node:
            case ast.Name(id=name) if name in self._names.closures:
                return self.closer(self._names.closures[name], state)
            case ast.Lambda() | ast.FunctionDef() | ast.AsyncFunctionDef():
                closed = closed_names(node)
                given = {name for name, value in defaults(node) if self.refers(value, state)}
                return not closed.isdisjoint((captured(node) & state.objects) | given)
            case ast.Attribute(value=owner, attr=attribute) if attribute in CLOSERS:
                return self.refers(owner, state)
        return False

    def values(self, node: ast.AST | None, state: State) -> int:
        """Tell which values an expression can have: bits of NONE, FALSE and TRUE."""
        if self.holds(node, state) or node in self._opened:
            return TRUE
        if isinstance(node, ast.expr) and node in self._told and state.status is not Status.UNBORN:
            return TRUE if self._told[node] else FALSE
        match node:
            case ast.Constant(value=value):
                return values_of(value)
            case ast.Name(id=name) if name in self._names.called:
                return TRUE  # a function, which may be missing, but then nothing is opened either
            case ast.Name(id=name):
                return _known(name, state, NONE | TRUE if name in self._peers else ANY)
            case ast.Await(value=inner) | ast.NamedExpr(value=inner):
                return self.values(inner, state)
            case ast.Call(func=function, args=[*_, last]) if _gives_same_object(function):
                return self.values(last, state)
            case ast.BoolOp() | ast.IfExp() | ast.UnaryOp() | ast.Compare():
                return _known(node, state)
            case ast.Call() if constructs_by_name(node):
                return FALSE | TRUE  # an object, which is never None
            case ast.ExceptHandler() | ast.FunctionDef() | ast.AsyncFunctionDef():
                return TRUE
            case ast.JoinedStr() | ast.ListComp() | ast.DictComp() | ast.SetComp():
                return FALSE | TRUE
            case ast.List() | ast.Dict() | ast.Set():
                return FALSE | TRUE  # it may be filled or emptied before it is asked
            case ast.Tuple(elts=parts):
                return TRUE if parts else FALSE
        return ANY

    def meaning(self, node: ast.AST | None, state: State, *, unpacked: bool = False) -> Meaning:
        """Tell what the value of an expression is, and what its parts are where it is unpacked."""
        parts = node.elts if unpacked and isinstance(node, (ast.Tuple, ast.List)) else []
        return Meaning(
            self.refers(node, state),
            self.holds(node, state),
            self.values(node, state),
            tuple(self.meaning(part, state, unpacked=True) for part in parts),
        )

    def _captured(self, name: str, state: State) -> bool:
        closure = self._names.closures.get(name)
        if closure is None or closure in self._entered:  # a default may name its own function
            return False
        self._entered.add(closure)
        try:
            return self.holds(closure, state)
        finally:
            self._entered.remove(closure)


def values_of(constant: object) -> int:
    """Give the bits of a constant's value."""
    if constant is None:
        return NONE
    return TRUE if constant else FALSE


def one_of(constants: tuple[object, ...]) -> Meaning:
    """Tell what a value is that is one of some constants; an unknown one where there are none."""
    bits = {values_of(constant) for constant in constants}
    return UNKNOWN._replace(values=sum(bits)) if bits else UNKNOWN


def _gives_same_object(function: ast.expr) -> bool:
    """Tell whether a function gives back its last argument, or what stands for it in a block."""
    return dotted_name(function).rpartition(".")[2] in _SAME_OBJECT


def _known(key: Key, state: State, otherwise: int = ANY) -> int:
    return next((values for known, values in state.facts if known == key), otherwise)
