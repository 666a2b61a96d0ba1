"""Which resource something opens: a factory with its engine, as the code that makes them.

Two factories of one engine are one resource; two databases are two. A factory that an object makes
for itself, of what it was given, is another one for each object.
"""

from __future__ import annotations

import ast
from itertools import product

from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.bindings import bindings_of
from flake8_dbsession.analysis.names.inference import Inference, bound_to
from flake8_dbsession.analysis.names.scopes import Annotated, Assigned, Binding, Scope
from flake8_dbsession.analysis.names.values import FunctionValue, Role, RoleValue
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.house.objects import (
    NO_OBJECT,
    UNKNOWN_OBJECT,
    Object,
    object_of,
    own_object,
)
from flake8_dbsession.named_tuples import NamedTuple

_STEPS = 4  # an alias of an alias, or a provider that uses another

_METHODS = frozenset({"begin", "connect", "raw_connection", "getconn", "acquire", "connection"})
_HANDERS = frozenset({Role.ACCESSOR, Role.PROVIDER, Role.DEPENDENCY, Role.LENDER})


class Mark(NamedTuple):
    """What tells a factory or engine from others.

    Attributes:
        code: the code that makes it, or says where it is.
        of: the object that makes it for itself.
    """

    code: int
    of: Object = NO_OBJECT

    def is_same(self, other: Mark) -> bool:
        """Tell whether both are known to be one."""
        return self == other and self.of != UNKNOWN_OBJECT

    def is_other(self, other: Mark) -> bool:
        """Tell whether both are known to be two."""
        if self.code != other.code:
            return True
        return self.of != other.of and self.of.is_seen and other.of.is_seen


class Resources(NamedTuple):
    """What is opened; nothing where that cannot be followed.

    Attributes:
        makers: of the factories, connect functions and pools.
        engines: of the engines.
        told: of where a driver or pool is told that the database is. Two such places may be one
            database, unless both are written out.
        written: of those that are written out.
        is_partly: whether sessions come from other factories, too, which cannot be followed.
    """

    makers: frozenset[Mark] = frozenset()
    engines: frozenset[Mark] = frozenset()
    told: frozenset[Mark] = frozenset()
    written: frozenset[Mark] = frozenset()
    is_partly: bool = False

    @property
    def is_known(self) -> bool:
        """Whether any such code is in sight."""
        return bool(self.makers or self.engines or self.told)

    def joined(self, other: Resources) -> Resources:
        """Give both together."""
        return Resources(
            self.makers | other.makers,
            self.engines | other.engines,
            self.told | other.told,
            self.written | other.written,
            self.is_partly or other.is_partly,
        )

    def is_same(self, other: Resources) -> bool:
        """Tell whether both are known to have something in common."""
        if self.is_partly or other.is_partly:
            return False
        pairs = [*product(self.makers, other.makers), *product(self.engines, other.engines)]
        pairs = pairs or list(product(self.told, other.told))
        return any(mine.is_same(theirs) for mine, theirs in pairs)

    def is_other(self, other: Resources) -> bool:
        """Tell whether both are known to have nothing in common."""
        pairs = self._compared(other)
        return bool(pairs) and all(mine.is_other(theirs) for mine, theirs in pairs)

    def may_be_other(self, other: Resources) -> bool:
        """Tell whether both are known, but not whether they have anything in common."""
        is_told = self.is_same(other) or self.is_other(other)
        return bool(self._compared(other)) and not is_told

    def _compared(self, other: Resources) -> list[tuple[Mark, Mark]]:
        engines = list(product(self.engines, other.engines))
        makers = list(product(self.makers, other.makers))
        return engines or makers or list(product(self.written, other.written))


NOTHING = Resources()


def resources_of(expression: ast.expr, scope: Scope, inference: Inference) -> Resources:
    """Tell which resource a factory, an engine or a function that hands out a session stands for.

    Args:
        expression: the factory, the engine of a session class, or the function.
        scope: the scope it is read in.
        inference: answers what names stand for.
    """
    return _Identity(inference).of(expression, scope, own_object(scope), _STEPS)


def resources_of_way(
    function: FunctionValue, expression: ast.expr, scope: Scope, inference: Inference
) -> Resources:
    """Tell what a provider, dependency or accessor opens.

    Args:
        function: the function.
        expression: how it is written; of a method the object counts too.
        scope: the scope in which it is written so.
        inference: answers what names stand for.
    """
    identity = _Identity(inference)
    receiver = identity.receiver(expression, scope, own_object(scope), _STEPS)
    return identity.opened_by(function, receiver, _STEPS)


class _Identity:
    """Follows what code opens to the code that makes it.

    Args:
        inference: answers what names stand for.
    """

    def __init__(self, inference: Inference) -> None:
        self._inference = inference
        self._open: set[ast.AST] = set()  # the functions that are being asked

    def of(self, expression: ast.expr, scope: Scope, own: Object, steps: int) -> Resources:
        """Tell which resource an expression stands for.

        Args:
            expression: a factory, an engine, or a function.
            scope: the scope it is read in.
            own: the object that is ``self`` there.
            steps: how many aliases are followed.
        """
        value = self._inference.value(expression, scope)
        if isinstance(value, FunctionValue):
            return self.opened_by(value, self.receiver(expression, scope, own, steps), steps)
        if isinstance(expression, ast.Call):
            if self._is_connect(expression, scope):
                return self._database(expression, scope, own)
            return self._on_the_spot(expression, scope, own, steps)
        if _maker(expression) is not expression:
            made = self.of(_maker(expression), scope, own, steps)
            if made.is_known:
                return made
        receiver = self.receiver(expression, scope, own, steps)
        found = NOTHING
        for binding in bindings_of(expression, scope, self._inference):
            found = found.joined(self._bound(binding, scope, receiver, steps))
        return found

    def opened_by(self, function: FunctionValue, own: Object, steps: int) -> Resources:
        """Tell what a function opens.

        Args:
            function: the function.
            own: the object that is its ``self``.
            steps: how many functions deep is looked.
        """
        if function.node in self._open:
            return NOTHING
        scope = function.scope.child(function.node)
        self._open.add(function.node)
        try:
            if scope.enclosing_class() is None:  # it has no ``self``
                return _opened_in(scope, steps, identity=self)
            return self.opened_in(scope, own, steps)
        finally:
            self._open.discard(function.node)

    def opened_in(self, function: Scope, own: Object, steps: int) -> Resources:
        """Tell what the calls of a function open."""
        found = NOTHING
        for call in own_nodes(function.node):
            if isinstance(call, ast.Call):
                found = found.joined(self._opened_by_call(call, function, own, steps))
        return found

    def receiver(self, expression: ast.expr, scope: Scope, own: Object, steps: int) -> Object:
        """Tell which object the attribute or method of an expression belongs to."""
        if isinstance(expression, ast.Attribute):
            return object_of(expression.value, scope, own, self._inference, steps)
        return own

    def _opened_by_call(self, call: ast.Call, scope: Scope, own: Object, steps: int) -> Resources:
        value = self._inference.value(call.func, scope)
        known = self._inference.role(value)
        if known is None:
            return NOTHING
        if isinstance(value, FunctionValue) and known.role in _HANDERS:
            receiver = self.receiver(call.func, scope, own, steps)
            return self.opened_by(value, receiver, steps - 1) if steps else NOTHING
        if known.role is Role.SESSION_CLASS:
            engine = bound_to(call)
            return self.of(engine, scope, own, _STEPS) if engine is not None else NOTHING
        if self._is_connect(call, scope):
            return self._database(call, scope, own)
        is_of_pool = known.role in _HANDERS and not isinstance(value, FunctionValue)
        if known.role in (Role.FACTORY, Role.CONNECT, Role.REGISTRY) or is_of_pool:
            found = self.of(_maker(call.func), scope, own, _STEPS)
            is_unseen = known.role is Role.FACTORY and not found.is_known
            return found._replace(is_partly=is_unseen)
        return NOTHING

    def _is_connect(self, call: ast.Call, scope: Scope) -> bool:
        """Tell whether a call is one of a driver's own connect function."""
        callee = self._inference.value(call.func, scope)
        is_connect = isinstance(callee, RoleValue) and callee.role is Role.CONNECT
        return is_connect and callee.home is None  # type: ignore[union-attr]

    def _database(self, call: ast.Call, scope: Scope, own: Object) -> Resources:
        """Tell which database a driver or pool is told to connect to."""
        argument = database_told(call)
        if argument is None:
            return NOTHING
        mark, is_written = self._told(argument, scope, own, _STEPS)
        marks = frozenset({mark} if mark is not None else ())
        return Resources(told=marks, written=marks if is_written else frozenset())

    def _told(
        self, argument: ast.expr, scope: Scope, own: Object, steps: int
    ) -> tuple[Mark | None, bool]:
        """Give what tells a database from others, and whether it is written out."""
        if isinstance(argument, ast.Constant):
            is_text = isinstance(argument.value, str)
            return (Mark(hash(argument.value)), True) if is_text else (None, False)
        bindings = list(bindings_of(argument, scope, self._inference))
        if len(bindings) != 1:
            return None, False
        (binding,) = bindings
        match binding.how:
            case Assigned(value=value, path=()) | Annotated(value=ast.expr() as value):
                pass
            case _:
                return None, False
        if isinstance(argument, ast.Attribute):
            of = self.receiver(argument, scope, own, steps)
            return Mark(id(value), of), False
        is_passed_on = isinstance(value, (ast.Constant, ast.Name)) and steps > 0
        if is_passed_on:
            return self._told(value, binding.scope, own, steps - 1)
        is_of_call = binding.scope.function() is not None
        return (None if is_of_call else Mark(id(value))), False

    def _bound(self, binding: Binding, scope: Scope, own: Object, steps: int) -> Resources:
        function = binding.scope.function()
        if function is not None and function is scope.function():
            made = getattr(binding.how, "value", None)
            if isinstance(made, ast.Call):
                return self._on_the_spot(made, binding.scope, own, steps)
            return NOTHING
        match binding.how:
            case Assigned(value=made) | Annotated(value=ast.expr() as made):
                return self._made(made, binding.scope, own, steps)
            case how:
                mark = frozenset({Mark(id(getattr(how, "arg", how)))})
                return Resources(mark, mark)

    def _on_the_spot(self, call: ast.Call, scope: Scope, own: Object, steps: int) -> Resources:
        """Tell which engine a factory has that is made where it is used, or whose pool is given.

        An engine that is made there is unknown; a pool that a function gives without being told
        anything is that function's.
        """
        known = self._inference.known(call, scope)
        if known is not None and known.role is Role.POOL and not (call.args or call.keywords):
            giver = self._inference.value(call.func, scope)
            if isinstance(giver, FunctionValue):
                mark = Mark(id(giver.node), self.receiver(call.func, scope, own, steps))
                return Resources(makers=frozenset({mark}))
        if known is None or known.role is not Role.FACTORY:
            return NOTHING
        return Resources(engines=self._made(call, scope, own, steps).engines)

    def _made(self, value: ast.expr, scope: Scope, own: Object, steps: int) -> Resources:
        """Tell what a name stands for that is assigned a value."""
        if isinstance(value, (ast.Name, ast.Attribute)) and steps:
            return self.of(value, scope, own, steps - 1)
        known = self._inference.known(value, scope)
        of_object = own if _takes_arguments(scope) else NO_OBJECT
        mark = frozenset({Mark(id(value), of_object)})
        if known is not None and known.role is Role.POOL and isinstance(value, ast.Call):
            return self._database(value, scope, own)._replace(makers=mark)
        if known is not None and known.role is Role.ENGINE:
            return Resources(engines=mark)
        engine = bound_to(value) if isinstance(value, ast.Call) else None
        of_engine = self.of(engine, scope, own, steps - 1) if engine and steps else NOTHING
        return Resources(mark, of_engine.engines)


_TELLING = ("conninfo", "dsn", "database")
_OVERRIDING = frozenset({"database", "dbname", "db", "host", "port", "service"})


def database_told(call: ast.Call) -> ast.expr | None:
    """Give the argument by which a driver or pool is told where the database is.

    Args:
        call: of a driver's connect function, or of what makes a pool; numbers are a pool's sizes.

    Returns:
        The argument; None where there is none, or several say it together.
    """
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    first = next((each for each in call.args if not _is_number(each)), None)
    if first is not None:
        is_alone = named.keys().isdisjoint({*_TELLING, *_OVERRIDING, None})
        return first if is_alone and not isinstance(first, ast.Starred) else None
    told = [named.pop(name) for name in _TELLING if name in named]
    is_alone = len(told) == 1 and named.keys().isdisjoint({*_OVERRIDING, None})
    return told[0] if is_alone else None


def _is_number(argument: ast.expr) -> bool:
    return isinstance(argument, ast.Constant) and isinstance(argument.value, (int, float))


@remembered
def _opened_in(function: Scope, steps: int, *, identity: _Identity) -> Resources:
    return identity.opened_in(function, NO_OBJECT, steps)


def _takes_arguments(scope: Scope) -> bool:
    """Tell whether what a method makes may depend on what its object was given."""
    function = scope.function()
    if function is None or function.enclosing_class() is None:
        return False
    arguments = function.node.args  # type: ignore[union-attr]
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return len(named) > 1 or arguments.vararg is not None or arguments.kwarg is not None


def _maker(callee: ast.expr) -> ast.expr:
    """Give the factory of ``SessionLocal.begin``, the engine of ``engine.connect``."""
    if isinstance(callee, ast.Attribute) and callee.attr in _METHODS:
        return callee.value
    return callee
