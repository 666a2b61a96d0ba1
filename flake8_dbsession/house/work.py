"""What the code around an opening does with what it opens, as far as a way has to fit it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisitions import Acquisition, Holder
from flake8_dbsession.analysis.facts.sql import is_write
from flake8_dbsession.analysis.names.drivers import Block, driver_of
from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.names.values import Resource, Role
from flake8_dbsession.analysis.nodes import nodes_in

_CHANGES = frozenset(
    {
        "add",
        "add_all",
        "bulk_insert_mappings",
        "bulk_save_objects",
        "bulk_update_mappings",
        "commit",
        "delete",
        "executemany",
        "executescript",
        "flush",
        "merge",
    }
)
_EXECUTES = frozenset({"exec", "execute", "scalar", "scalars"})
_READS = frozenset({"get", "get_one", "query", "refresh", "expunge", "expunge_all", "close"})
_CHANGING_STATEMENTS = frozenset({"delete", "insert", "update"})
_READING_STATEMENTS = frozenset({"select"})


def may_change(acquisition: Acquisition) -> bool:
    """Tell whether code may change data by what it opens: False only where it certainly reads."""
    return any(change is not False for change in _changes(acquisition))


def changes(acquisition: Acquisition) -> bool:
    """Tell whether code is seen to change data by what it opens."""
    return any(change is True for change in _changes(acquisition))


def relies_on_commit(acquisition: Acquisition) -> bool:
    """Tell whether the end of an opening's own block commits what the code does not commit itself.

    So do the blocks of ``SessionLocal.begin()`` and ``engine.begin()``, and those of the drivers
    whose block is about the transaction.
    """
    if acquisition.holder is not Holder.BLOCK or not _block_commits(acquisition):
        return False
    is_ended = any(method == "commit" for method, _ in _uses(acquisition))
    return not is_ended and may_change(acquisition)


def _block_commits(acquisition: Acquisition) -> bool:
    callee = acquisition.node.func
    if isinstance(callee, ast.Attribute) and callee.attr == "begin":
        return True
    is_connection = acquisition.known.resource is Resource.CONNECTION
    return is_connection and Block.COMMITS in driver_of(acquisition.known.library).block


def _changes(acquisition: Acquisition) -> Iterator[bool | None]:
    """Tell of each use whether it changes data; None where that cannot be told."""
    for method, call in _uses(acquisition):
        if method in _CHANGES:
            yield True
        elif method in _EXECUTES and call is not None and call.args:
            yield _changes_by(call.args[0])
        elif method not in _READS:
            yield None


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


def _uses(acquisition: Acquisition) -> Iterator[tuple[str, ast.Call | None]]:
    """Give the method of each use of what is opened, with its call; empty for any other use."""
    function = acquisition.scope.function()
    if function is None or not acquisition.name.isidentifier():
        return
    called = {
        node.func.value: node
        for node in nodes_in(function.node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    for node in nodes_in(function.node):
        is_use = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        if is_use and isinstance(node, ast.Name) and node.id == acquisition.name:
            call = called.get(node)
            is_method = call is not None and isinstance(call.func, ast.Attribute)
            yield (call.func.attr if is_method else "", call)  # type: ignore[union-attr]


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
