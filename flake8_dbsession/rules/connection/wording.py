"""How the rules of this family name the way out."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.effects.optional import may_give_none
from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition, local_name
from flake8_dbsession.analysis.library.drivers import BlockEnd, driver_of
from flake8_dbsession.analysis.names.values import Role
from flake8_dbsession.house.advice import closes_by_its_block, connection_words, place_of
from flake8_dbsession.house.fitting import (
    CLOSE_REPLACED,
    is_conditional,
    is_parameter,
    is_reopened,
)
from flake8_dbsession.rules.context import Context


def closing_way_out(acquisition: Acquisition, context: Context) -> str:
    """Say how to have a connection closed whatever happens.

    Args:
        acquisition: what is opened.
        context: the file and its policy.

    Returns:
        The house's connection provider; in its own module and where there is none, a ``with``
        block, or a ``finally`` where the library has no block that closes.
    """
    inference = context.file.inference
    if acquisition.part is not None:
        return "close it in a `finally`"
    if is_reopened(acquisition, context.file.tree):
        return CLOSE_REPLACED
    name = local_name(acquisition.name, "conn")
    provided = provided_connection(acquisition, context)
    if provided is not None:
        return f"use {provided}"
    if may_give_none(acquisition.node, acquisition.scope, inference):
        return "close it in a `finally`"
    if is_conditional(acquisition, context.file.tree):
        return _closing_where_opened(acquisition)
    return _its_own_block(acquisition, name, context)


def opening_way_out(acquisition: Acquisition, context: Context) -> str:
    """Say how to open a connection where it is needed, instead of keeping one.

    Args:
        acquisition: the one that is kept.
        context: the file and its policy.
    """
    name = local_name(acquisition.name, "conn")
    provided = provided_connection(acquisition, context)
    return f"use {provided}" if provided else _its_own_block(acquisition, name, context)


def _its_own_block(acquisition: Acquisition, name: str, context: Context) -> str:
    known, options = acquisition.known, _options_of(acquisition, context)
    if options is not None:
        return _with_options(acquisition, options, context)
    if known.is_async:
        driver = driver_of(known.library)
        if BlockEnd.CLOSES not in driver.block or known.source is not Role.CONNECT:
            return "close it in a `finally`"
        waiting = "await " if driver.is_awaited else ""
        return f"use `async with {waiting}{acquisition.text} as {name}:`"
    if closes_by_its_block(acquisition, context.file.inference):
        return f"use `with {acquisition.text} as {name}:`"
    return f"use `with closing({acquisition.text}) as {name}:`"


def _options_of(acquisition: Acquisition, context: Context) -> ast.Call | None:
    """Give the call that sets options of a connection as it is opened, such as ``AUTOCOMMIT``."""
    for node in context.file.tree.ancestors(acquisition.node):
        match node:
            case ast.Await():
                pass
            case ast.Attribute(attr=name):
                if name != "execution_options":
                    return None
            case ast.Call(func=ast.Attribute(attr="execution_options")):
                return node
            case _:
                return None
    return None


def _with_options(acquisition: Acquisition, options: ast.Call, context: Context) -> str:
    """Advise a connection's own block that sets the same options."""
    tree = context.file.tree
    match tree.statement(options):
        case ast.Assign(targets=[ast.Name(id=name)]):
            pass
        case _:
            name = "conn"
    if not acquisition.known.is_async:
        return f"use `with {ast.unparse(options)} as {name}:`"
    assert isinstance(options.func, ast.Attribute)
    setting = ast.unparse(ast.Call(ast.Name("execution_options"), options.args, options.keywords))
    return f"use `async with {acquisition.text} as {name}:`, and `await {name}.{setting}` inside it"


def _closing_where_opened(acquisition: Acquisition) -> str:
    """Say how to close what is opened only where nobody has given one."""
    if is_parameter(acquisition.name, acquisition.scope):
        own = f"`own = {acquisition.name} is None`"
        return f"set {own} before it, and close it in a `finally` if `own`"
    return "close it in a `finally` where it was opened here"


def provided_connection(acquisition: Acquisition, context: Context) -> str | None:
    """Spell the house's way to a connection, where it can be used and loses nothing.

    Args:
        acquisition: what is opened.
        context: the file and its policy.

    Returns:
        The code between backticks; None where there is no such way, and where connections may be
        opened by hand.
    """
    way = context.connection_way(acquisition)
    if way is None or _options_of(acquisition, context) is not None:
        return None
    place = place_of(acquisition, context.file.inference)
    return connection_words(way, place, local_name(acquisition.name, "conn"))
