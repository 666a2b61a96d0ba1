"""What names of a test's file stand for: a mock, a real session, or something else."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator, Sequence, Set
from functools import cached_property
from typing import TypeAlias

from flake8_dbsession.analysis.names.functions import is_fixture
from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.nodes import nodes_in, own_nodes
from flake8_dbsession.fixes.doubts.fakes import fake_of
from flake8_dbsession.named_tuples import NamedTuple

MOCKS = frozenset({"AsyncMock", "MagicMock", "Mock", "NonCallableMagicMock", "NonCallableMock"})
"""The classes of the standard library's mocks."""

_MAKES_REAL = frozenset(
    {"Session", "async_sessionmaker", "scoped_session", "sessionmaker"}
    | {"create_async_engine", "create_engine"}
)
_SESSIONS = frozenset({"AsyncSession", "Session"})
_GIVES = ("return_value", "side_effect")
# What makes a mock less than it is by itself, or prepares its end.
_UNUSUAL = frozenset({"close", "commit", "rollback", "spec", "spec_set", "unsafe", "wraps"})
_PREPARED = (*_GIVES, "__aenter__", "__enter__")

_AN_ERROR = ast.Call(ast.Name("Exception", ast.Load()), [], [])
"""What a function gives that raises an error."""

DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef)
Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


_ANYWHERE: Function = ast.parse("def anywhere(): ...").body[0]  # type: ignore[assignment]
"""Stands for all functions, where no single one is meant."""


class _Bound(NamedTuple):
    """What a name is bound to, and the function in which that is to be read."""

    value: ast.expr | None
    where: Function | None


class Values:
    """What the names in some code stand for.

    Args:
        nodes: the code.
        helpers: the functions and fixtures of its file.
        errors: the errors that it imports.
    """

    def __init__(self, nodes: Sequence[ast.AST], helpers: Set[str], errors: Set[str]) -> None:
        self._nodes = nodes
        self._helpers = helpers
        self._errors = errors
        self._known: dict[tuple[Function | None, str], bool] = {}
        self._bound: dict[tuple[Function | None, str], list[_Bound]] | None = None
        self._loose: list[_Bound] = []  # what functions do to what they are given

    def is_plain(self, given: ast.expr, where: Function | None = None) -> bool:
        """Tell whether a value is a mock, a real session, or what gives one when it is called.

        Args:
            given: the value.
            where: the function that it stands in.
        """
        match given:
            case ast.Constant():
                return True
            case ast.Lambda(body=ast.Constant()):
                return False
            case ast.Await(value=inner) | ast.Lambda(body=inner):
                return self.is_plain(inner, where)
            case ast.Attribute(value=inner, attr=name) if _is_self(inner):
                return self._is_named_plainly(f"self.{name}", None)
            case ast.Attribute(value=inner):
                return self.is_plain(inner, where)
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return all(self.is_plain(part, where) for part in parts)
            case ast.Call():
                return self._gives_plainly(given, where)
            case ast.Name(id=name):
                return self._is_named_plainly(name, where)
        return False

    def is_real(self, given: ast.expr, where: Function | None = None) -> bool:
        """Tell whether a value is what makes real sessions or connections, and nothing else.

        Args:
            given: the value.
            where: the function that it stands in.
        """
        return self._comes_from(_makes_real, given, where)

    def may_expire(self, given: ast.expr | None, where: Function | None = None) -> bool:
        """Tell whether a real session that a test gives may expire what it loaded by a commit.

        Args:
            given: what it gives, as ``may_be_real`` takes it.
            where: the function that it stands in.
        """
        if given is None:
            return self.may_be_real(given, where)
        return not self._comes_from(_never_expires, given, where)

    def is_mock(self, name: str, where: Function | None = None) -> bool:
        """Tell whether a name stands for nothing but mocks.

        Args:
            name: the name.
            where: the function that it stands in.
        """
        return self._comes_from(_makes_mock, ast.Name(name, ast.Load()), where)

    def may_be_real(self, given: ast.expr | None, where: Function | None = None) -> bool:
        """Tell whether what a test gives may be, or give, a real session.

        Args:
            given: what it gives; None for a mock, of which it may say later what that gives.
            where: the function that it stands in.
        """
        if given is not None:
            return not self._comes_from(_makes_mock, given, where)
        names = (
            node.value.id
            for node in self._nodes
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name)
            if any(isinstance(t, ast.Attribute) and t.attr in _GIVES for t in node.targets)
        )
        return not all(map(self.is_mock, names))

    def _comes_from(
        self,
        makes: Callable[[ast.Call], bool],
        given: ast.expr,
        where: Function | None,
        seen: dict[tuple[str, Function | None], bool] | None = None,
    ) -> bool:
        seen = {} if seen is None else seen
        match given:
            case ast.Call() as call if makes(call):
                return True
            case ast.Call(func=ast.Name(id=name) as function) if name in self._helpers:
                return makes is not _makes_real and self._comes_from(makes, function, where, seen)
            case ast.Lambda(body=inner):
                return self._comes_from(makes, inner, where, seen)
            case ast.Name(id=name):
                if (name, where) not in seen:
                    seen[name, where] = False  # what it is made of by itself is made of nothing
                    values = self._values(name, where)
                    seen[name, where] = bool(values) and all(
                        value is not None and self._comes_from(makes, value, place, seen)
                        for value, place in values
                    )
                return seen[name, where]
        return False

    def raises(self, given: ast.expr | None) -> bool:
        """Tell whether calling a value may be an error by itself."""
        values = [given]
        if isinstance(given, ast.Name):
            values = [each.value for each in self._values(given.id, None)]
        return any(value is _AN_ERROR or self._is_failing(value) for value in values)

    def _is_failing(self, mock: ast.expr | None) -> bool:
        if not isinstance(mock, ast.Call) or last_segment(mock.func) not in MOCKS:
            return False
        effects = (k.value for k in mock.keywords if k.arg == "side_effect")
        return any(is_error(each, self._errors) for each in effects)

    def _gives_plainly(self, call: ast.Call, where: Function | None) -> bool:
        name, owner = last_segment(call.func), getattr(call.func, "value", None)
        if name in MOCKS:
            gives = [k.value for k in call.keywords if k.arg in _GIVES]
            is_usual = all(map(_is_usual, call.keywords)) and not call.args
            return is_usual and all(self.is_plain(each, where) for each in gives)
        if name in _MAKES_REAL or is_error(call, self._errors):
            return True
        if owner is not None and _is_self(owner) and self._is_named_plainly(f"self.{name}", None):
            return True
        if owner is None or _is_self(owner):
            return self._is_named_plainly(name, where)
        return self.is_plain(owner, where)

    def _is_named_plainly(self, name: str, where: Function | None) -> bool:
        key = (where, name)
        if key not in self._known:
            self._known[key] = True  # what it is made of by itself says nothing else
            values = self._values(name, where)
            self._known[key] = bool(values) and all(
                value is not None and self.is_plain(value, place) for value, place in values
            )
        return self._known[key]

    def _values(self, name: str, where: Function | None) -> list[_Bound]:
        """Give what a name may stand for in a function: what binds it there, else anywhere."""
        if self._bound is None:
            self._bound = {}
            functions = [node for node in self._nodes if isinstance(node, DEFINED)]
            homes = {node: function for function in functions for node in own_nodes(function)}
            for node in self._nodes:
                for found, value, inside in self._bound_by(node):
                    home = inside or homes.get(node)
                    for key in ((home, found), (_ANYWHERE, found)):
                        self._bound.setdefault(key, []).append(_Bound(value, home))
                    is_given = home is not None and found in _parameters(home) and not inside
                    if is_given and not _rebinds(node, found):
                        self._loose.append(_Bound(value, home))
        own = self._bound.get((where, name)) if where is not None else None
        return [*own, *self._loose] if own else self._bound.get((_ANYWHERE, name), [])

    def _bound_by(self, node: ast.AST) -> Iterator[tuple[str, ast.expr | None, Function | None]]:
        """Give the names that a node binds, to what, and the function that this stands in.

        That is None where it is the one that the node stands in.
        """
        if isinstance(node, DEFINED):
            yield from ((node.name, value, node) for value in _given_by(node))
            yield from ((name, value, node) for name, value in self._passed_to(node))
        elif isinstance(node, ast.ClassDef) and (called := _called(node)) is not None:
            yield from ((node.name, value, called) for value in _given_by(called))
        else:
            yield from ((name, value, None) for name, value in self._assigned_by(node))

    def _assigned_by(self, node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield from self._assigned(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                yield from self._assigned(target, value)
            case ast.withitem(context_expr=value, optional_vars=ast.Name(id=name)):
                yield name, value if is_patch(value) else None
            case ast.For(target=target) | ast.AsyncFor(target=target):
                yield from ((name, None) for name in _names_in(target))
            case ast.ClassDef(name=name):
                yield name, ast.Constant(None) if fake_of(node) is not None else None

    def _assigned(self, target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr | None]]:
        if isinstance(target, ast.Name):
            yield target.id, value
        elif isinstance(target, ast.Attribute):
            name = _prepared(target)
            if name:
                yield name, None if is_error(value, self._errors) else value
        elif not isinstance(target, ast.Subscript):
            yield from ((name, None) for name in _names_in(target))

    def _passed_to(self, function: Function) -> Iterator[tuple[str, ast.expr | None]]:
        """Give what parameters get: from a fixture of the file, a decorator or a call."""
        arguments = [name for name in _parameters(function) if name not in ("self", "cls")]
        is_test = function.name.startswith("test")
        mocks = [d for d in function.decorator_list if is_patch(d)]
        for position, name in enumerate(arguments):
            if is_test and position < len(mocks):
                yield name, ast.Constant(None)
            elif is_test or is_fixture(function):
                if name not in self._helpers:
                    yield name, None  # else the fixture is found by itself
            else:
                yield from ((name, each) for each in self._given_to(function, name, position))

    def _giving(self, function: Function) -> Iterator[str]:
        """Give the names of the functions and fixtures that give a function which they define."""
        around = self._givers.get(function.name, ())
        yield from (giver.name for giver in around if function in own_nodes(giver))

    @cached_property
    def _givers(self) -> dict[str, list[Function]]:
        """The functions that give something by a name, by that name."""
        found: dict[str, list[Function]] = {}
        for node in self._nodes:
            if isinstance(node, DEFINED):
                for value in _given_by(node):
                    if isinstance(value, ast.Name):
                        found.setdefault(value.id, []).append(node)
        return found

    @cached_property
    def _calls(self) -> dict[str, list[ast.Call]]:
        """The calls, by the last parts of what they call."""
        found: dict[str, list[ast.Call]] = {}
        for node in self._nodes:
            if isinstance(node, ast.Call):
                found.setdefault(last_segment(node.func), []).append(node)
        return found

    def _given_to(self, function: Function, name: str, position: int) -> Iterator[ast.expr | None]:
        names = dict.fromkeys([function.name, *self._giving(function)])
        calls = [call for each in names for call in self._calls.get(each, ())]
        for call in calls:
            given = [k.value for k in call.keywords if k.arg == name]
            given += call.args[position : position + 1]
            is_left_out = not given and not any(k.arg is None for k in call.keywords)
            yield given[0] if given else ast.Constant(None) if is_left_out else None
        if not calls:
            yield None


def _makes_real(call: ast.Call) -> bool:
    return last_segment(call.func) in _MAKES_REAL


def _makes_mock(call: ast.Call) -> bool:
    return last_segment(call.func) in MOCKS


def _never_expires(call: ast.Call) -> bool:
    """Tell whether a call gives a mock, or sessions whose commits keep what they have loaded."""
    options = {option.arg: option.value for option in call.keywords}
    keeps = options.get("expire_on_commit")
    is_kept = isinstance(keeps, ast.Constant) and keeps.value is False
    return _makes_mock(call) or (_makes_real(call) and is_kept)


def _called(cls: ast.ClassDef) -> Function | None:
    """Give what is done by an object of a class that does nothing but be called."""
    methods = {each.name: each for each in cls.body if isinstance(each, DEFINED)}
    called = methods.get("__call__")
    if called is None or methods.keys() - {"__init__", "__call__"}:
        return None
    is_plain = isinstance(called, ast.FunctionDef) and not called.decorator_list
    can_fail = any(isinstance(node, (ast.Raise, ast.Yield)) for node in own_nodes(called))
    return called if is_plain and not can_fail else None


def _rebinds(node: ast.AST, name: str) -> bool:
    """Tell whether a statement gives a name another value, and does nothing to the one it had."""
    targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


def _parameters(function: Function) -> list[str]:
    given = function.args
    return [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]


def is_error(value: ast.expr | None, imported: Set[str]) -> bool:
    """Tell whether a value is an error, or makes one.

    Args:
        value: the value; None for none.
        imported: the errors of libraries that are known by their names.
    """
    name = last_segment(value.func if isinstance(value, ast.Call) else value) if value else ""
    found = getattr(builtins, name, None)
    return name in imported or (isinstance(found, type) and issubclass(found, BaseException))


def _is_self(expression: ast.expr) -> bool:
    return isinstance(expression, ast.Name) and expression.id in ("self", "cls")


def _is_usual(keyword: ast.keyword) -> bool:
    """Tell whether a mock with an argument can still be ended as a session is."""
    if keyword.arg in ("spec", "spec_set"):
        return last_segment(keyword.value) in _SESSIONS
    return keyword.arg is not None and keyword.arg not in _UNUSUAL


def _names_in(target: ast.expr) -> list[str]:
    return [node.id for node in nodes_in(target) if isinstance(node, ast.Name)]


def _prepared(target: ast.expr) -> str:
    """Give the name of the mock of which a target is what it gives, or what its block does.

    That may be an attribute of ``self``; empty for what is no such thing.
    """
    while isinstance(target, ast.Attribute) and target.attr in _PREPARED:
        target = target.value
    if isinstance(target, ast.Attribute) and _is_self(target.value):
        return f"self.{target.attr}"
    return target.id if isinstance(target, ast.Name) else ""


def is_patch(expression: ast.expr) -> bool:
    """Tell whether an expression is a patch that makes a mock by itself, and gives it.

    Args:
        expression: the expression.
    """
    if not isinstance(expression, ast.Call):
        return False
    is_object = last_segment(expression.func) == "object"
    given = [k.arg for k in expression.keywords]
    is_patch = is_object or last_segment(expression.func) == "patch"
    return is_patch and len(expression.args) == 1 + is_object and "new" not in given


def _given_by(function: Function) -> Iterator[ast.expr | None]:
    """Give what a function of a test's file returns, or a fixture yields."""
    if function.decorator_list and not is_fixture(function):
        yield from (
            None for each in function.decorator_list if last_segment(each) != "staticmethod"
        )
    gives = (ast.Return, ast.Yield)
    if any(isinstance(node, ast.Raise) for node in own_nodes(function)):
        yield _AN_ERROR
    for node in own_nodes(function):
        if isinstance(node, gives) and node.value is not None:
            yield node.value
