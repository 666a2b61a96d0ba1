"""Whether a task is over before the function that started it does something else."""

from __future__ import annotations

import ast
from collections.abc import Set
from itertools import takewhile

from flake8_dbsession.analysis.names.parents import ancestors_in
from flake8_dbsession.analysis.names.scopes import Scope, last_segment
from flake8_dbsession.analysis.nodes import keyword_of, nodes_in, own_nodes, start_of

_STRAIGHT = (ast.stmt, ast.expr, ast.withitem, ast.keyword)
_BRANCHES = (
    *(ast.If, ast.For, ast.AsyncFor, ast.While, ast.Match, ast.IfExp, ast.BoolOp),
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda),
)
# docs.python.org/3/library/asyncio-task.html: what ends early leaves these tasks running.
_RUNNING_ON = frozenset({"gather", "shield"})
_UNTIL_OVER = _RUNNING_ON | {"wait_for"}


def is_over_before(node: ast.AST, tasks: Set[str], function: Scope) -> bool:
    """Tell whether a function surely has awaited a task to its end when it comes to a node.

    Args:
        node: what it does later.
        tasks: the names of the task, or of the list that it stands in.
        function: the function that starts the task.
    """
    return any(
        isinstance(each, ast.Await)
        and start_of(each) < start_of(node)
        and _ends(each.value, tasks)
        and _leads_to(each, node, function)
        for each in own_nodes(function.node)
    )


def _ends(awaited: ast.expr, tasks: Set[str]) -> bool:
    """Tell whether an awaited expression is over only when a task is, unless it raises."""
    match awaited:
        case ast.Name(id=name):
            return name in tasks
        case ast.Starred(value=several):
            return _ends(several, tasks)
        case ast.Call(func=function, args=given):
            if last_segment(function) == "wait" and given:
                is_early = keyword_of(awaited, "timeout", "return_when") is not None
                return not is_early and _is_one_of(given[0], tasks)
            return last_segment(function) in _UNTIL_OVER and any(_ends(g, tasks) for g in given)
    return False


def _is_one_of(several: ast.expr, tasks: Set[str]) -> bool:
    each = several.elts if isinstance(several, (ast.List, ast.Tuple, ast.Set)) else [several]
    return any(_ends(one, tasks) for one in each)


def _leads_to(awaiting: ast.Await, node: ast.AST, function: Scope) -> bool:
    """Tell whether a node is come to only after an ``await`` that comes before it in the text."""
    around = {node, *ancestors_in(node, function)}
    path = takewhile(lambda above: above not in around, ancestors_in(awaiting, function))
    if not all(isinstance(above, _STRAIGHT) and not isinstance(above, _BRANCHES) for above in path):
        return False
    common = next(above for above in ancestors_in(awaiting, function) if above in around)
    is_caught = isinstance(common, ast.Try) and not around.isdisjoint(common.handlers)
    return not (is_caught and _runs_on(awaiting))


def _runs_on(awaiting: ast.Await) -> bool:
    """Tell whether a task may run on after an ``await`` of it was given up."""
    calls = (node for node in nodes_in(awaiting) if isinstance(node, ast.Call))
    return any(last_segment(call.func) in {*_RUNNING_ON, "wait"} for call in calls)
