"""Calls of the project's own functions that are given a session or its objects, followed inside."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterable, Iterator, Mapping

from flake8_dbsession.analysis.effects.calls import constants, is_stub
from flake8_dbsession.analysis.effects.work.holders import NOTHING_HELD, Held
from flake8_dbsession.analysis.library.wrappers import PLAIN_DECORATORS
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.functions import (
    arguments_of,
    decorator_names,
    parameter_for,
)
from flake8_dbsession.analysis.names.scopes import Parameter, Scope, last_segment
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import arguments, is_name, nodes_in, own_nodes
from flake8_dbsession.named_tuples import NamedTuple

Told = frozenset[tuple[str, object]]
"""The parameters of which a call says the value: True, False or None."""


class Following(NamedTuple):
    """A function of the project, with what a call gives it.

    Attributes:
        function: the function.
        held: how its parameters, its receiver included, reach the session.
        objects: the parameters that get objects of the session.
        told: the parameters of which the call says the value.
    """

    function: FunctionValue
    held: Held
    objects: frozenset[str]
    told: Told = frozenset()

    @property
    def scope(self) -> Scope:
        """The scope of the function's body."""
        return self.function.scope.child(self.function.node)

    @property
    def body(self) -> list[ast.stmt]:
        """The function's statements."""
        assert not isinstance(self.function.node, ast.Lambda)
        return self.function.node.body


def followed(
    call: ast.Call,
    function: FunctionValue | None,
    given: Mapping[ast.expr, Held],
    objects: Container[ast.expr],
    receiver: Held = NOTHING_HELD,
) -> Following | None:
    """Find out what a function is given.

    Args:
        call: the call.
        function: what it calls; None where that is not known.
        given: its arguments by which the session is reached.
        objects: those of its arguments that hold objects.
        receiver: how the session is reached by the object whose method it is.

    Returns:
        The function with its parameters; None where its code does not tell what the call does.
    """
    if function is None or not can_be_followed(function):
        return None
    if any(isinstance(part, ast.Starred) for part in call.args) or None in [
        keyword.arg for keyword in call.keywords
    ]:
        return None
    held, loaded = NOTHING_HELD, set()
    if receiver != NOTHING_HELD and "staticmethod" not in decorator_names(function.node):
        if function.receiver is None:
            return None
        held = receiver.under(function.receiver)
    for key, argument in arguments_of(call):
        if argument in given or argument in objects:
            name = parameter_for(function, key)
            if name is None:
                return None
            held |= given.get(argument, NOTHING_HELD).under(name)
            loaded |= {name} if argument in objects else set()
    return Following(function, held, frozenset(loaded), told_by(function, call))


def stored_by(constructor: FunctionValue, parameter: str) -> str:
    """Give the attribute in which a constructor keeps a parameter.

    Args:
        constructor: the constructor.
        parameter: its parameter's name.

    Returns:
        Its name; empty for none or several, and where a call in the constructor is given the
        parameter, for then another object may keep it as well.
    """
    receiver = constructor.receiver
    nodes = own_nodes(constructor.node)
    if any(
        is_name(given, parameter)
        for call in nodes
        if isinstance(call, ast.Call)
        for given in arguments(call)
    ):
        return ""
    found = {
        target.attr
        for node in nodes
        if isinstance(node, ast.Assign) and _may_be(node.value, parameter)
        for target in node.targets
        if isinstance(target, ast.Attribute) and is_name(target.value, receiver)
    }
    return found.pop() if len(found) == 1 else ""


def _may_be(value: ast.expr, parameter: str) -> bool:
    match value:
        case ast.Name(id=name):
            return name == parameter
        case ast.BoolOp(values=[first, *_]):
            return _may_be(first, parameter)
        case ast.IfExp(body=body, orelse=orelse):
            return _may_be(body, parameter) or _may_be(orelse, parameter)
    return False


def told_by(function: FunctionValue, call: ast.Call) -> Told:
    """Give what a call says of the parameters that the function tests, by itself or by a default.

    Args:
        function: the function that is called.
        call: the call.
    """
    tested = _tested(function.scope.child(function.node))
    said = constants(function, call).items() if tested else ()
    return frozenset((name, value) for name, value in said if name in tested)


@remembered
def _tested(function: Scope) -> frozenset[str]:
    """Give the parameters that a function tests, and binds to nothing else."""
    tests = [node.test for node in own_nodes(function.node) if isinstance(node, ast.If)]
    names = {node.id for test in tests for node in nodes_in(test) if isinstance(node, ast.Name)}
    return frozenset(
        name
        for name in names
        if [isinstance(binding.how, Parameter) for binding in function.bindings(name)] == [True]
    )


def decided(test: ast.expr, told: Told) -> bool | None:
    """Tell how a test ends for what a call says; None where it may end either way."""
    values = dict(told)
    match test:
        case ast.Name(id=name) if name in values:
            return bool(values[name])
        case ast.UnaryOp(op=ast.Not(), operand=ast.Name(id=name)) if name in values:
            return not values[name]
        case ast.Compare(
            left=ast.Name(id=name),
            ops=[ast.Is() | ast.IsNot() as operator],
            comparators=[ast.Constant(value=None)],
        ) if name in values:
            return (values[name] is None) is isinstance(operator, ast.Is)
    return None


def nodes_untaken(nodes: Iterable[ast.AST], told: Told) -> Iterator[ast.AST]:
    """Give the nodes in branches that a call with such values does not take.

    Args:
        nodes: those of a function.
        told: what the call says.
    """
    for node in nodes if told else ():
        if isinstance(node, ast.If) and (is_taken := decided(node.test, told)) is not None:
            for statement in node.orelse if is_taken else node.body:
                yield from nodes_in(statement)


def can_be_followed(function: FunctionValue) -> bool:
    """Tell whether a function's code says what a call of it does."""
    node = function.node
    if isinstance(node, ast.Lambda) or is_stub(function):
        return False
    return all(last_segment(decorator) in PLAIN_DECORATORS for decorator in node.decorator_list)
