"""What the rules on leaks share: how they name the line that leaves, and what is not theirs."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from flake8_dbsession.analysis.facts.lifetime.endings import Ending
from flake8_dbsession.analysis.facts.lifetime.hand_closes import HandClose
from flake8_dbsession.analysis.facts.lifetime.late_closes import LateClose
from flake8_dbsession.analysis.flow.exceptions import (
    ANY_EXCEPTION,
    Caught,
    caught_by,
    class_names,
)
from flake8_dbsession.analysis.lifetimes import Leak, Leaving
from flake8_dbsession.analysis.nodes import nodes_in, own_nodes
from flake8_dbsession.rules.context import Context

_WORDS = {
    Leaving.RETURNS: "returns",
    Leaving.RAISES: "raises",
    Leaving.LOSES: "drops it",
}

CLOSE_THERE = "close it on that path too"
"""The way out where no ``with`` block can be around what works with it."""


def goes_on_without_block(ending: Ending) -> bool:
    """Tell whether no block can stand around what works with a session or connection.

    Args:
        ending: what becomes of it.

    Returns:
        True for what is handed on in the end, and where its name stands for another one before
        both are closed.
    """
    return bool(ending.lifetime.hand_ons) or _is_bound_again(ending)


def _is_bound_again(ending: Ending) -> bool:
    opened = ending.acquisition
    again = [
        node.lineno
        for node in own_nodes(ending.scope.node)
        if isinstance(node, ast.Name)
        and isinstance(node.ctx, ast.Store)
        and node.id == opened.name
        and node.lineno > opened.node.lineno
    ]
    closes = [getattr(close.node, "lineno", 0) for close in ending.lifetime.closes]
    return bool(again) and any(close > min(again) for close in closes)


def outlives_its_function(close: HandClose, context: Context) -> bool:
    """Tell whether what is closed by hand is handed on for good on another way.

    Args:
        close: the close.
        context: the file.

    Returns:
        True for what is returned, stored or registered on some way of the function: no block of
        its own can close it.
    """
    return any(
        ending.lives_on and any(closed.node is close.node for closed in ending.lifetime.closes)
        for ending in context.file.facts(Ending)
    )


def leaving_line(ending: Ending, leaks: Sequence[Leak] = ()) -> str:
    """Say on which line a session or connection is left open: ``line 41 returns``.

    Args:
        ending: one with a leak.
        leaks: those of its leaks that count; none for all.

    Returns:
        The words for its first leak that the text shows. An exception, which it does not show,
        comes after the others: first that of a ``yield``, where whoever drives the generator may
        raise anything, last that of an index, what a handler of some errors alone raises again, and
        what only a cancellation does.
    """
    leaks = leaks or ending.lifetime.leaks
    special = _raising_again(ending)

    def plainness(leak: Leak) -> int:
        is_last = ending.is_cancelled(leak) or leak.node in special
        return 3 if is_last else _plainness(leak)

    leak = min(leaks, key=plainness)
    if ending.is_cancelled(leak):
        return f"line {_line(leak)} is cancelled, which no `except Exception` catches"
    if leak.how is Leaving.LOSES and _line(leak) == ending.lifetime.opened.node.lineno:
        return f"line {_line(leak)} opens the next one"
    if leak.how is Leaving.FALLS_OFF:
        return f"the function ends after line {_last_line(leak.node)}"
    return f"line {_line(leak)} {_WORDS[leak.how]}"


def _raising_again(ending: Ending) -> set[ast.AST]:
    """Give each ``raise`` that raises again what a handler of some errors alone has caught."""
    return {
        node
        for handler in own_nodes(ending.scope.node)
        if isinstance(handler, ast.ExceptHandler)
        and caught_by(ANY_EXCEPTION, class_names(handler.type)) is not Caught.YES
        for node in nodes_in(handler)
        if isinstance(node, ast.Raise) and node.exc is None
    }


def is_unguarded(ending: Ending, context: Context) -> bool:
    """Tell whether DBS404 speaks of a leak: the close stands after a ``yield`` that skips it."""
    closes = [close.node for close in ending.lifetime.closes]
    return any(late.close in closes for late in context.file.facts(LateClose))


def _plainness(leak: Leak) -> int:
    if leak.how is not Leaving.RAISES:
        return 0
    match leak.node:
        case ast.Yield() | ast.YieldFrom() | ast.Await(value=ast.Yield()):
            return 1
        case ast.Subscript():
            return 3
    return 2


def _line(leak: Leak) -> int:
    """Give a statement's first line, and the last of a call, where its name stands in a chain."""
    if leak.how is Leaving.RAISES and isinstance(leak.node, ast.Call):
        return leak.node.func.end_lineno or leak.node.lineno
    return leak.node.lineno  # type: ignore[attr-defined, no-any-return]


def _last_line(node: ast.AST) -> int:
    return node.end_lineno or node.lineno  # type: ignore[attr-defined, no-any-return]
