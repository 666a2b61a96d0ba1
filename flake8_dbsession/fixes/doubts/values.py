"""What names of a test's file stand for: a mock, a real session, or something else."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Sequence, Set
from typing import TypeAlias

from flake8_dbsession.analysis.names.functions import is_fixture
from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.nodes import nodes_in, own_nodes
from flake8_dbsession.fixes.doubts.fakes import fake_of

_MOCKS = frozenset({"AsyncMock", "MagicMock", "Mock", "NonCallableMagicMock", "NonCallableMock"})
_MAKES_REAL = frozenset({"Session", "async_sessionmaker", "scoped_session", "sessionmaker"})
_GIVES = ("return_value", "side_effect")
_PREPARED = (*_GIVES, "__aenter__", "__enter__")

_AN_ERROR = ast.Call(ast.Name("Exception", ast.Load()), [], [])
"""What a function gives that raises an error."""

DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef)
Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


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
        self._known: dict[str, bool] = {}
        self._bound: dict[str, list[ast.expr | None]] | None = None

    def is_plain(self, given: ast.expr) -> bool:
        """Tell whether a value is a mock, a real session, or what gives one when it is called."""
        match given:
            case ast.Constant():
                return True
            case ast.Await(value=inner) | ast.Lambda(body=inner):
                return self.is_plain(inner)
            case ast.Attribute(value=inner):
                return not _is_self(inner) and self.is_plain(inner)
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return all(map(self.is_plain, parts))
            case ast.Call():
                return self._gives_plainly(given)
            case ast.Name(id=name):
                return self._is_named_plainly(name)
        return False

    def raises(self, given: ast.expr | None) -> bool:
        """Tell whether calling a value may be an error by itself."""
        values = self._values().get(given.id, []) if isinstance(given, ast.Name) else [given]
        return any(value is _AN_ERROR or self._is_failing(value) for value in values)

    def _is_failing(self, mock: ast.expr | None) -> bool:
        if not isinstance(mock, ast.Call) or last_segment(mock.func) not in _MOCKS:
            return False
        effects = (k.value for k in mock.keywords if k.arg == "side_effect")
        return any(is_error(each, self._errors) for each in effects)

    def _gives_plainly(self, call: ast.Call) -> bool:
        name, owner = last_segment(call.func), getattr(call.func, "value", None)
        if name in _MOCKS:
            gives = [k.value for k in call.keywords if k.arg in _GIVES]
            is_usual = all(k.arg in (*_GIVES, "name") for k in call.keywords) and not call.args
            return is_usual and all(map(self.is_plain, gives))
        if name in _MAKES_REAL or is_error(call, self._errors):
            return True
        if owner is None or _is_self(owner):
            return self._is_named_plainly(name)
        return self.is_plain(owner)

    def _is_named_plainly(self, name: str) -> bool:
        if name not in self._known:
            self._known[name] = True  # what it is made of by itself says nothing else
            values = self._values().get(name, [])
            is_known = bool(values) and all(v is not None and self.is_plain(v) for v in values)
            self._known[name] = is_known
        return self._known[name]

    def _values(self) -> dict[str, list[ast.expr | None]]:
        """Give what each name may stand for; None for what cannot be told."""
        if self._bound is None:
            self._bound = {}
            for node in self._nodes:
                for name, value in self._bound_by(node):
                    self._bound.setdefault(name, []).append(value)
        return self._bound

    def _bound_by(self, node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield from self._assigned(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                yield from self._assigned(target, value)
            case ast.withitem(context_expr=value, optional_vars=ast.Name(id=name)):
                yield name, value if _is_patch(value) else None
            case ast.For(target=target) | ast.AsyncFor(target=target):
                yield from ((name, None) for name in _names_in(target))
            case ast.ClassDef(name=name):
                yield name, ast.Constant(None) if fake_of(node) is not None else None
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from ((node.name, value) for value in _given_by(node))
                yield from self._passed_to(node)

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
        given = function.args
        arguments = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        arguments = [name for name in arguments if name not in ("self", "cls")]
        is_test = function.name.startswith("test")
        mocks = [d for d in function.decorator_list if _is_patch(d)]
        for position, name in enumerate(arguments):
            if is_test and position < len(mocks):
                yield name, ast.Constant(None)
            elif is_test or is_fixture(function):
                if name not in self._helpers:
                    yield name, None  # else the fixture is found by itself
            else:
                yield from ((name, each) for each in self._given_to(function, name, position))

    def _given_to(self, function: Function, name: str, position: int) -> Iterator[ast.expr | None]:
        calls = [n for n in self._nodes if isinstance(n, ast.Call)]
        calls = [call for call in calls if last_segment(call.func) == function.name]
        for call in calls:
            given = [k.value for k in call.keywords if k.arg == name]
            given += call.args[position : position + 1]
            is_left_out = not given and not any(k.arg is None for k in call.keywords)
            yield given[0] if given else ast.Constant(None) if is_left_out else None
        if not calls:
            yield None


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


def _names_in(target: ast.expr) -> list[str]:
    return [node.id for node in nodes_in(target) if isinstance(node, ast.Name)]


def _prepared(target: ast.expr) -> str:
    """Give the name of the mock of which a target is what it gives, or what its block does."""
    while isinstance(target, ast.Attribute) and target.attr in _PREPARED:
        target = target.value
    return target.id if isinstance(target, ast.Name) else ""


def _is_patch(expression: ast.expr) -> bool:
    """Tell whether an expression is a patch that makes a mock by itself, and gives it."""
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
