"""Tests of unchanged names that cannot both have come out so."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flake8_dbsession.analysis.flow.graph import Edge
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.parents import ancestors_in, parents_in, readings_in
from flake8_dbsession.analysis.names.scopes import LOOPS, Parameter, Scope
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.named_tuples import NamedTuple

_READING = frozenset({"get", "items", "keys", "values"})
_COPYING = frozenset({"bool", "dict", "len", "list", "str"})
_TESTING = (
    ast.BoolOp,
    ast.Compare,
    ast.FormattedValue,
    ast.If,
    ast.IfExp,
    ast.UnaryOp,
    ast.While,
)


class Told(NamedTuple):
    """What a test has told of a name, or of an item of what it stands for.

    Attributes:
        name: the name.
        written: the name or the item as it is written.
        constant: what it was compared with; None where it was asked whether it is true.
        holds: whether it was that.
    """

    name: str
    written: str
    constant: ast.Constant | None
    holds: bool

    def excludes(self, other: Told) -> bool:
        """Tell whether another test cannot have come out so as well."""
        if self.written != other.written:
            return False
        one, two = self.constant, other.constant
        if one is None or two is None:
            return one is two and self.holds is not other.holds
        if one.value == two.value:
            return self.holds is not other.holds
        return self.holds and other.holds


def told_at(node: ast.AST, scope: Scope) -> frozenset[Told]:
    """Give what the tests that a node stands under have told of names that do not change.

    Args:
        node: the node.
        scope: the function that it stands in.
    """
    found: set[Told] = set()
    inner = node
    for outer in ancestors_in(node, scope):
        if isinstance(outer, ast.If) and inner is not outer.test:
            found.update(told_by(outer.test, inner in outer.body))
        inner = outer
    return frozenset(told for told in found if _is_unchanged(told, scope))


def told_by(test: ast.expr, truth: bool) -> Iterator[Told]:
    """Give what a test has told of names, whether or not they change.

    Args:
        test: the test.
        truth: how it came out.
    """
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield from told_by(operand, not truth)
        case ast.BoolOp(op=operator, values=values):
            if isinstance(operator, ast.And) is truth:
                for value in values:
                    yield from told_by(value, truth)
        case (
            ast.Compare(left=read, ops=[operator], comparators=[ast.Constant() as constant])
            | ast.Compare(left=ast.Constant() as constant, ops=[operator], comparators=[read])
        ):
            if isinstance(operator, (ast.Eq, ast.NotEq)) and (name := _name_in(read)):
                holds = isinstance(operator, ast.Eq) is truth
                yield Told(name, ast.unparse(read), constant, holds)
        case _:
            if name := _name_in(test):
                yield Told(name, ast.unparse(test), None, truth)


def is_closed(edge: Edge, told: frozenset[Told]) -> bool:
    """Tell whether a way cannot be taken where tests of unchanged names have told something else.

    Args:
        edge: the way.
        told: what they have told.
    """
    return edge.test is not None and exclude(told, told_by(edge.test, edge.truth))


def exclude(some: Iterable[Told], others: Iterable[Told]) -> bool:
    """Tell whether tests, one side of which is of unchanged names, cannot all have come out so."""
    others = tuple(others)
    return any(one.excludes(other) for one in some for other in others)


def _name_in(read: ast.expr) -> str:
    match read:
        case ast.Name(id=name) | ast.Subscript(value=ast.Name(id=name), slice=ast.Constant()):
            return name
    return ""


def _is_unchanged(told: Told, scope: Scope) -> bool:
    """Tell whether a name has one value in a function, and what it stands for is not changed."""
    bound = _bound_in(scope).get(told.name, ())
    hows = [binding.how for binding in scope.bindings(told.name)]
    given = [how for how in hows if isinstance(how, Parameter)]
    if len(hows) != 1 or len(bound) + len(given) > 1:
        return False
    if any(isinstance(outer, LOOPS) for node in bound for outer in ancestors_in(node, scope)):
        return False
    if told.constant is not None and told.written == told.name:
        return True  # what is compared with a constant is hardly a thing that changes
    parents = parents_in(scope)
    return all(
        _leaves_it(parents.get(read), read) for read in readings_in(scope).get(told.name, ())
    )


@remembered
def _bound_in(scope: Scope) -> dict[str, list[ast.Name]]:
    """Give the places where a function binds each name."""
    found: dict[str, list[ast.Name]] = {}
    for node in own_nodes(scope.node):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.setdefault(node.id, []).append(node)
    return found


def _leaves_it(around: ast.AST | None, read: ast.Name) -> bool:
    """Tell whether the code around a name cannot change what it stands for."""
    match around:
        case ast.Subscript(value=value, ctx=ast.Load()):
            return value is read
        case ast.Attribute(attr=attribute):
            return attribute in _READING
        case ast.Call(func=ast.Name(id=function)):
            return function in _COPYING
    return isinstance(around, _TESTING)
