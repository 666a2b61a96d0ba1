"""What the analysis says of a program of the oracle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from flake8_dbsession.analysis.effects import inference_over
from flake8_dbsession.analysis.effects.effects import Effects
from flake8_dbsession.analysis.flow import CallTraits, build, raises_by_name
from flake8_dbsession.analysis.lifetimes import Lifetime, Opened, lifetimes
from flake8_dbsession.analysis.names.inference import Vocabulary
from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.project import Project
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.nodes import own_nodes
from tests.oracle.runtime import HELPERS, openings

_NOWHERE = Path("/nowhere")
# What the runs ask their questions by, what makes an object, and what closes.
_SAFE = frozenset(
    {
        "AsyncExitStack", "ExitStack", "Holder", "choose", "close_block", "close_default",
        "close_given", "close_if_any", "close_it", "close_later", "close_now", "close_slowly",
        "close_through", "close_through_slowly", "close_unless", "close_unless_slowly", "end",
        "keep_it", "partial", "same_as", "spare", "spare_slowly", "tired", "turns", "wrap_it",
    }
)  # fmt: skip


def judge(source: str) -> tuple[Lifetime, ...] | None:
    """Analyse the function of a program, and those defined in it.

    Args:
        source: the program.

    Returns:
        The lifetimes of what it opens, in the order of `openings`; None where the analysis gives
        up.
    """
    tree = ast.parse(source)
    program = tree.body[0]
    assert isinstance(program, (ast.FunctionDef, ast.AsyncFunctionDef))
    around = Module(_NOWHERE / "helpers.py", HELPERS, ast.parse(HELPERS)).scope
    scope = Module(_NOWHERE / "program.py", source, tree, around).scope.child(program)
    calls = openings(tree)
    found: dict[ast.AST, Lifetime | None] = {}
    for inner in [scope, *_nested(scope)]:
        own = [call for call in own_nodes(inner.node) if call in calls]
        found.update(zip(own, _lifetimes(inner, own), strict=True))
    known = tuple(each for call in calls if (each := found[call]) is not None)
    return known if len(known) == len(calls) else None


def _nested(scope: Scope) -> Iterator[Scope]:
    for node in own_nodes(scope.node):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield scope.child(node)
            yield from _nested(scope.child(node))


def _lifetimes(scope: Scope, calls: list[ast.Call]) -> tuple[Lifetime | None, ...]:
    effects = Effects(inference_over(Project(_NOWHERE), Vocabulary()))
    traits = CallTraits(may_raise=_may_raise, ending=lambda call: effects.ending(call, scope))
    assert isinstance(scope.node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
    graph = build(scope.node, traits)
    if graph is None:
        return (None,) * len(calls)
    return lifetimes(graph, list(map(_opened, calls)), effects.traits(scope, block_closes=True))


def _opened(call: ast.Call) -> Opened:
    if ast.unparse(call.func) == "connect":
        return Opened(call, live_at_once=True, block_closes=False)
    return Opened(call)


def _may_raise(call: ast.Call) -> bool:
    is_safe = isinstance(call.func, ast.Name) and call.func.id in _SAFE
    return not is_safe and raises_by_name(call)
