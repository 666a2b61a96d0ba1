"""What the code around an opening does with what it opens, as far as a way has to fit it."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.effects.work.sql import is_write
from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition, Holder
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.drivers import Block, driver_of
from flake8_dbsession.analysis.names.methods import CHANGING, EXECUTING
from flake8_dbsession.analysis.names.scopes import Scope, last_segment
from flake8_dbsession.analysis.names.values import Resource, Role
from flake8_dbsession.analysis.nodes import nodes_in

# What ends in a change for good, of connections too.
_CHANGES = CHANGING | {"commit", "executemany", "executescript", "flush"}
_READS = frozenset({"get", "get_one", "query", "refresh", "expunge", "expunge_all", "close"})
_CHANGING_STATEMENTS = frozenset({"delete", "insert", "update"})
_READING_STATEMENTS = frozenset({"select"})


def may_change(acquisition: Acquisition) -> bool:
    """Tell whether code may change data by what it opens: False only where it certainly reads."""
    return bool(_changes(acquisition) - {False})


def changes(acquisition: Acquisition) -> bool:
    """Tell whether code is seen to change data by what it opens."""
    return True in _changes(acquisition)


def relies_on_commit(acquisition: Acquisition) -> bool:
    """Tell whether the end of an opening's own block commits what the code does not commit itself.

    So do the blocks of ``SessionLocal.begin()`` and ``engine.begin()``, and those of the drivers
    whose block is about the transaction.
    """
    if acquisition.holder is not Holder.BLOCK or not _block_commits(acquisition):
        return False
    return not _commits(acquisition) and may_change(acquisition)


def _block_commits(acquisition: Acquisition) -> bool:
    callee = acquisition.node.func
    if isinstance(callee, ast.Attribute) and callee.attr == "begin":
        return True
    is_connection = acquisition.known.resource is Resource.CONNECTION
    return is_connection and Block.COMMITS in driver_of(acquisition.known.library).block


def _changes(acquisition: Acquisition) -> frozenset[bool | None]:
    function = acquisition.scope.function()
    if function is None or not acquisition.name.isidentifier():
        return frozenset()
    return _changes_in(function, acquisition.name)


def _commits(acquisition: Acquisition) -> bool:
    function = acquisition.scope.function()
    return function is not None and acquisition.name in _committed(function)


@remembered
def _committed(function: Scope) -> frozenset[str]:
    """Give the names on which a function calls ``commit``."""
    return frozenset(
        name
        for name, uses in _uses(function).items()
        if any(method == "commit" for method, _ in uses)
    )


@remembered
def _changes_in(function: Scope, name: str) -> frozenset[bool | None]:
    """Tell of the uses of a name whether they change data; None where that cannot be told."""
    return frozenset(_change(*use) for use in _uses(function).get(name, ()))


def _change(method: str, call: ast.Call | None) -> bool | None:
    if method in _CHANGES:
        return True
    if method in EXECUTING and call is not None and call.args:
        return _changes_by(call.args[0])
    return None if method not in _READS else False


def _changes_by(statement: ast.expr) -> bool | None:
    match statement:
        case ast.Constant(value=str() as text):
            return is_write(text)
        case ast.Call(args=[ast.Constant(value=str() as text), *_]) if _is_text(statement.func):
            return is_write(text)
        case ast.Call() | ast.Attribute():
            return _changes_by_expression(statement)
    return None


def _is_text(callee: ast.expr) -> bool:
    return last_segment(callee) == "text"


def _changes_by_expression(statement: ast.expr) -> bool | None:
    """Read ``select(User).where(...)``, whose first call says what it is."""
    first: ast.expr = statement
    while isinstance(first, (ast.Call, ast.Attribute)):
        inner = first.func if isinstance(first, ast.Call) else first.value
        if isinstance(first, ast.Call) and isinstance(inner, ast.Name):
            break
        first = inner
    name = last_segment(first.func) if isinstance(first, ast.Call) else last_segment(first)
    if name in _CHANGING_STATEMENTS:
        return True
    return False if name in _READING_STATEMENTS else None


@remembered
def _uses(function: Scope) -> dict[str, list[tuple[str, ast.Call | None]]]:
    """Give the uses of each name: the method with its call; an empty method for any other use."""
    nodes = nodes_in(function.node)
    called = {
        node.func.value: node
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    found: dict[str, list[tuple[str, ast.Call | None]]] = {}
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            call = called.get(node)
            method = call.func.attr if call is not None else ""  # type: ignore[attr-defined]
            found.setdefault(node.id, []).append((method, call))
    return found


def is_made_here(acquisition: Acquisition) -> bool:
    """Tell whether the factory called was made on the spot, and so is no house factory."""
    if acquisition.known.source is not Role.FACTORY:
        return False
    home = acquisition.known.home
    function = acquisition.scope.function()
    if isinstance(acquisition.node.func, ast.Call):
        return home is not None and home.module is acquisition.scope.module
    return home is not None and function is not None and home.function() is function


def has_arguments(acquisition: Acquisition) -> bool:
    """Tell whether something is opened with arguments of its own, besides a class's engine."""
    call = acquisition.node
    number = len(call.args) + len(call.keywords)
    if acquisition.known.source is Role.SESSION_CLASS:
        return number > 1
    return number > 0 and acquisition.known.source is not Role.CONNECT
