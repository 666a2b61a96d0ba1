"""What calls do to control flow, as far as the spelled name tells."""

from __future__ import annotations

import ast
from collections.abc import Callable
from enum import Enum

from flake8_dbsession.analysis.flow.exceptions import ANY_EXCEPTION, Raised, class_names
from flake8_dbsession.analysis.library.methods import CLOSES, POOL_COUNTERS
from flake8_dbsession.analysis.library.python import (
    CLOCKS,
    EXITS,
    FAILS,
    KILLS,
    LOGGERS,
    LOGGING,
    NOW,
    QUIET,
    TIMES,
)
from flake8_dbsession.analysis.library.wrappers import REGISTERING, TRANSPARENT
from flake8_dbsession.analysis.nodes import dotted_name
from flake8_dbsession.named_tuples import NamedTuple

_CLOCK = NOW | TIMES
# Closing, asking whether something is closed, what sets options of a connection, and what only puts
# an object away for later.
_SAFE_METHODS = (
    REGISTERING
    | CLOSES
    | POOL_COUNTERS
    | {"append", "cursor", "execution_options", "is_closed"}
    | {"is_connected", "pop_all"}
)
_CAST = TRANSPARENT | {"suppress"}


class CallEnding(Enum):
    """How a call that never returns ends."""

    EXITS = "raises SystemExit"
    KILLS = "ends the process on the spot"
    RAISES = "raises some exception"


def raises_by_name(call: ast.Call) -> bool:
    """Tell whether a call can raise in practice, by the name that it is written with.

    Args:
        call: the call.

    Returns:
        False for what the catalogue lists (cursors, logging, ``print``, ``len``, ``str``, clocks),
        for the like of it (``isinstance``, ``range``), for closing, and for registering something
        to be closed later.
    """
    match call.func:
        case ast.Name(id=name):
            return name not in QUIET and name not in _CAST
        case ast.Attribute(value=owner, attr=name):
            if name in _SAFE_METHODS or name in _CAST:
                return False
            if name in LOGGING and is_logger(owner):
                return False
            last = dotted_name(owner).rpartition(".")[2]
            return not (name in _CLOCK and last in CLOCKS)
    return True


def is_logger(node: ast.expr) -> bool:
    """Tell whether an expression is a logger by its name: ``rule_logger``, ``self._log``, or what
    ``logging.getLogger(...)`` gives.
    """
    named = node.func if isinstance(node, ast.Call) else node
    last = dotted_name(named).rpartition(".")[2].lower()
    return last.lstrip("_") in LOGGERS or last.endswith(("_log", "logger"))


def ending_by_name(call: ast.Call) -> CallEnding | None:
    """Tell how a call ends that never returns, by the name that it is written with.

    Args:
        call: the call.

    Returns:
        The ending; None for a call that returns.
    """
    name = dotted_name(call.func)
    if name in EXITS:
        return CallEnding.EXITS
    if name in KILLS:
        return CallEnding.KILLS
    return CallEnding.RAISES if name in FAILS else None


def _any_exception(_call: ast.Call) -> Raised:
    return ANY_EXCEPTION


class CallTraits(NamedTuple):
    """What is known of calls, and of what catches their errors.

    Attributes:
        may_raise: tells whether a call can raise in practice.
        raised: tells what it raises then.
        ending: tells how a call ends that never returns; None for one that returns.
        caught: spells the classes that a handler, or ``suppress``, names.
    """

    may_raise: Callable[[ast.Call], bool] = raises_by_name
    raised: Callable[[ast.Call], Raised] = _any_exception
    ending: Callable[[ast.Call], CallEnding | None] = ending_by_name
    caught: Callable[[ast.expr | None], tuple[str, ...]] = class_names
