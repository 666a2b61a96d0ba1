"""What calls raise in practice, beyond what the control flow knows by name."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Set

from flake8_dbsession.analysis.flow import raises_by_name
from flake8_dbsession.analysis.names.functions import decorator_names
from flake8_dbsession.analysis.names.scopes import Assigned, Imported, Scope, last_segment
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import arguments, nodes_in, own_nodes

# Text and time are made of values that are there already, and a rollback that fails has given its
# connection up.
_HARMLESS_METHODS = frozenset(
    {
        "endswith",
        "isoformat",
        "lower",
        "lstrip",
        "rollback",
        "rstrip",
        "add_all",
        "set_trace_callback",
        "startswith",
        "strftime",
        "strip",
        "timedelta",
        "timestamp",
        "total_seconds",
        "upper",
    }
)
# They only note what is to be done at the next flush, or ask for something to stop.
_NOTING = {"add": ("session", "db"), "cancel": ("future", "handle", "task", "timer")}
# They fail only on what is no number; the clock gives one.
_OF_NUMBERS = frozenset({"abs", "float", "int", "max", "min", "round"})
_CLOCK_NUMBERS = frozenset({"monotonic", "perf_counter", "time", "time_ns", "timestamp"})
_HARMLESS_NAMES = frozenset({"timedelta"})
# They only build a statement of SQLAlchemy.
_BUILDERS = frozenset({"delete", "insert", "select", "text", "update"})
_VIEWS = frozenset({"items", "keys", "values"})
_CLOCK = frozenset({"now", "today", "utcnow"})
_TEXT_METHODS = frozenset({"format", "join"})
_PLAIN_DECORATORS = frozenset({"classmethod", "staticmethod"})
_RAISING = (
    ast.Assert,
    ast.Await,
    ast.Delete,
    ast.Import,
    ast.ImportFrom,
    ast.Raise,
    ast.Yield,
    ast.YieldFrom,
)
_MAPPING_METHODS = frozenset({"copy", "get", "items", "keys", "setdefault", "update", "values"})


def may_raise(call: ast.Call, scope: Scope) -> bool:
    """Tell whether a call can raise in practice.

    Args:
        call: the call.
        scope: the scope that it stands in.

    Returns:
        False for what does not by its name, for methods of literals and of the clock's values, for
        ``session.add(...)`` and ``task.cancel()``.
    """
    if not raises_by_name(call):
        return False
    match call.func:
        case ast.Name(id=name) if name in _OF_NUMBERS and call.args:
            return not all(map(_is_number, call.args))
        case ast.Name(id=name):
            return name not in _HARMLESS_NAMES and not _builds_statement(name, scope)
        case ast.Attribute(value=ast.Name(id=module), attr=name) if name in _BUILDERS:
            return not _is_of_sqlalchemy(module, scope, None)
        case ast.Attribute(attr=name) if name in _VIEWS and not call.args:
            return False
        case ast.Attribute(attr="pop") if len(call.args) == 2:
            return False
        case ast.Attribute(attr=name) if name in _HARMLESS_METHODS:
            return False
        case ast.Attribute(value=ast.Call(func=ast.Attribute(attr=name)) as clock) if (
            name in _CLOCK
        ):
            return raises_by_name(clock) or not _is_given_constants(call)
        case ast.Attribute(value=owner, attr=name) if name in _NOTING:
            return not last_segment(owner).lower().endswith(_NOTING[name])
        case ast.Attribute(value=ast.Constant(value=str()), attr=name):
            return name not in _TEXT_METHODS
        case ast.Attribute(value=ast.Dict(), attr=name) if name in _MAPPING_METHODS:
            return False
        case ast.Attribute(value=ast.Name(id="re")) if call.args:
            return not isinstance(call.args[0], ast.Constant)  # a pattern that is written out
        case ast.Attribute(value=ast.Name(id=owner), attr=name) if name in _MAPPING_METHODS:
            return not _is_mapping(owner, scope)
    return True


def only_keeps_books(function: FunctionValue) -> bool:
    """Tell whether a function of the project only notes something in memory, and logs it.

    Args:
        function: the function.

    Returns:
        True where no call in it can raise in practice. Those are left out whose errors it catches
        itself, and those of a container's methods that it looks into beforehand:
        ``if key in kept: kept.pop(key)``.
    """
    node, scope = function.node, function.scope.child(function.node)
    if isinstance(node, ast.Lambda) or not decorator_names(node) <= _PLAIN_DECORATORS:
        return False
    nodes = own_nodes(node)
    caught = {inner for part in nodes for inner in _caught_in(part)}
    parts = [part for part in nodes if part not in caught]
    looked_into = {name for part in parts for name in _looked_into(part)}
    return not any(_can_raise(part, scope, looked_into) for part in parts)


def _caught_in(node: ast.AST) -> Iterator[ast.AST]:
    """Give what stands in a ``try`` that catches whatever is raised there."""
    if isinstance(node, ast.Try) and any(map(_catches_all, node.handlers)):
        for statement in node.body:
            yield from nodes_in(statement)


def _catches_all(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or last_segment(handler.type) in ("BaseException", "Exception")


def _looked_into(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Compare(ops=[ast.In()], comparators=[container]):
            yield ast.unparse(container)


def _can_raise(node: ast.AST, scope: Scope, looked_into: Set[str]) -> bool:
    match node:
        case ast.Subscript(value=owner, slice=index, ctx=ast.Load()):
            return not isinstance(index, ast.Constant) and ast.unparse(owner) not in looked_into
        case ast.Call(func=ast.Attribute(value=owner)) if ast.unparse(owner) in looked_into:
            return False
        case ast.Call():
            return may_raise(node, scope)
    return isinstance(node, _RAISING)


def _is_given_constants(call: ast.Call) -> bool:
    return all(isinstance(argument, ast.Constant) for argument in arguments(call))


def _is_number(expression: ast.expr) -> bool:
    """Tell whether an expression is a number, made of literals and of what the clock says."""
    match expression:
        case ast.Constant(value=int() | float()):
            return True
        case ast.UnaryOp(operand=inner):
            return _is_number(inner)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult(), right=right):
            return _is_number(left) and _is_number(right)
        case ast.BinOp(left=left, op=ast.Div() | ast.FloorDiv(), right=ast.Constant(value=divisor)):
            return _is_number(left) and isinstance(divisor, (int, float)) and divisor != 0
        case ast.Call(func=ast.Name(id=name), args=args) if name in _OF_NUMBERS and args:
            return all(map(_is_number, args))
        case ast.Call(func=function):
            is_clock = last_segment(function) in _CLOCK_NUMBERS
            return is_clock and not raises_by_name(expression)
    return False


def _builds_statement(name: str, scope: Scope) -> bool:
    return any(_is_of_sqlalchemy(name, scope, builder) for builder in _BUILDERS)


def _is_of_sqlalchemy(name: str, scope: Scope, imported: str | None) -> bool:
    """Tell whether a name is imported from SQLAlchemy, as the module itself or one of its names."""
    hows = (binding.how for binding in scope.lookup(name))
    return any(
        isinstance(how, Imported)
        and how.module.partition(".")[0] == "sqlalchemy"
        and how.name == imported
        for how in hows
    )


def _is_mapping(name: str, scope: Scope) -> bool:
    """Tell whether a local name only ever stands for a dictionary that is written out."""
    bindings = scope.bindings(name)
    values = [b.how.value for b in bindings if isinstance(b.how, Assigned)]
    return (
        bool(values)
        and all(isinstance(v, ast.Dict) for v in values)
        and (len(values) == len(bindings))
    )
