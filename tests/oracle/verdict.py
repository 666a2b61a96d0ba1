"""What the analysis says of a program of the oracle."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.flow import CallTraits, build, raises_by_name
from flake8_dbsession.analysis.lifetimes import Lifetime, Opened, Traits, lifetimes

_SAFE = frozenset({"Holder", "choose", "close_it", "tired", "turns"})


def _may_raise(call: ast.Call) -> bool:
    is_safe = isinstance(call.func, ast.Name) and call.func.id in _SAFE
    return not is_safe and raises_by_name(call)


def _closes_argument(call: ast.Call, _argument: int | str) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "close_it"


def judge(source: str) -> tuple[Lifetime, ...] | None:
    """Analyse the function of a program.

    Args:
        source: the program.

    Returns:
        The lifetimes of what it opens; None where the analysis gives up.
    """
    function = ast.parse(source).body[0]
    assert isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
    graph = build(function, CallTraits(may_raise=_may_raise))
    if graph is None:
        return None
    found = lifetimes(graph, _opened(function), Traits(closes_argument=_closes_argument))
    known = tuple(each for each in found if each is not None)
    return known if len(known) == len(found) else None


def _opened(function: ast.AST) -> list[Opened]:
    opened: list[Opened] = []
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "SessionLocal":
                opened.append(Opened(node))
            elif node.func.id == "connect":
                opened.append(Opened(node, live_at_once=True, block_closes=False))
    return opened
