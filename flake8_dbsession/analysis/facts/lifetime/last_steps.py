"""Last steps: what a script calls right before it ends, so that the process closes what is left."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from flake8_dbsession.analysis.effects.computing import only_computes
from flake8_dbsession.analysis.facts.acquisition.acquisitions import is_main_guard
from flake8_dbsession.analysis.facts.acquisition.callers import callers_of
from flake8_dbsession.analysis.facts.lifetime.process_end import (
    ends_process,
    is_script,
    uses,
)
from flake8_dbsession.analysis.library.python import EXITS
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.parents import ancestors_in
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, LOOPS, Scope
from flake8_dbsession.analysis.nodes import (
    children,
    dotted_name,
    nodes_in,
    own_nodes,
    run_with,
    start_of,
    statements_after,
)

_DEEPEST = 4  # steps that call one another
_AGAIN = (*LOOPS, ast.comprehension, ast.ClassDef, ast.Lambda)


def is_last_step(scope: Scope, inference: Inference, deep: int = _DEEPEST) -> bool:
    """Tell whether a script calls a function once, right before it ends.

    Args:
        scope: the function.
        inference: answers what is called afterwards; its project is searched for other callers.
        deep: how many steps may lie between it and the script's main part.

    Returns:
        True where all that runs between its return and the end of the process computes from what
        is there, or writes that out, and where no other module calls it.
    """
    call = _one_call(scope) if deep else None
    if call is None:
        return False
    path = _path_to(call, scope.module.scope)
    module = scope.module.scope
    if not isinstance(path[0], FUNCTIONS) and not any(map(is_main_guard, path)):
        return False  # the module may be imported
    caller = module.child(path[0]) if isinstance(path[0], FUNCTIONS) else module
    if not _is_last_in(path, caller, inference):
        return False
    if not ends_process(caller, inference) and not is_last_step(caller, inference, deep - 1):
        return False
    here = scope.module.path
    others = (each for each in callers_of(scope, inference) if each.module.path != here)
    return all(ends_process(each, inference) for each in others)


def _one_call(scope: Scope) -> ast.Call | None:
    """Give the call of a script's function, where it is the only one, and all that names it."""
    module, node = scope.module, scope.node
    if module.tree is None or scope.parent is not module.scope or isinstance(node, ast.Lambda):
        return None
    if not is_script(module.scope) or getattr(node, "decorator_list", None):
        return None
    name = getattr(node, "name", "")
    if name.startswith("test") and not _answers(node):
        return None  # pytest calls it as well, and goes on
    named = uses(module.scope).get(name, [])
    calls = _by_function(module.scope)
    return calls.get(named[0]) if len(named) == 1 else None


def _answers(function: ast.AST) -> bool:
    """Tell whether a function returns a value, as no test of pytest does."""
    returns = (node for node in own_nodes(function) if isinstance(node, ast.Return))
    return any(node.value is not None for node in returns)


@remembered
def _by_function(module: Scope) -> dict[ast.expr, ast.Call]:
    """Give the calls of a module by what they call."""
    return {node.func: node for node in nodes_in(module.node) if isinstance(node, ast.Call)}


def _path_to(call: ast.Call, module: Scope) -> list[ast.AST]:
    """Give the nodes around a call, its function or the module first, and the call itself."""
    path: list[ast.AST] = [call]
    for node in ancestors_in(call, module):
        path.append(node)
        if isinstance(node, FUNCTIONS):
            break
    return path[::-1]


def _is_last_in(path: list[ast.AST], function: Scope, inference: Inference) -> bool:
    """Tell whether nothing of account comes after a call in its function, and nothing repeats it.

    Args:
        path: the nodes around the call, the function first, and the call itself.
        function: the function.
        inference: answers what else is called.
    """
    if any(isinstance(node, _AGAIN) for node in path):
        return False
    later = (node for part in _parts_after(path) for node in run_with(part))
    return all(
        _is_of_no_account(node, function, inference) for node in later if isinstance(node, ast.Call)
    )


def _parts_after(path: list[ast.AST]) -> Iterator[ast.AST]:
    """Give what runs after a call in its function: other branches of an ``if`` do not."""
    for outer, inner in pairwise(path):
        match outer:
            case ast.Try() if isinstance(inner, (ast.ExceptHandler, ast.stmt)):
                yield from _parts_of_try(outer, inner)
            case ast.IfExp():
                yield from (outer.body, outer.orelse) if inner is outer.test else ()
            case _ if isinstance(inner, ast.stmt):
                yield from statements_after(inner, outer)
            case _:
                yield from (each for each in children(outer) if _comes_after(each, inner))
        if isinstance(outer, ast.Call):
            yield ast.Call(outer.func, [], [])


def _parts_of_try(tried: ast.Try, inner: ast.ExceptHandler | ast.stmt) -> Iterator[ast.AST]:
    if inner in tried.body:
        yield from (*tried.handlers, *tried.orelse)
    if inner not in tried.finalbody:
        yield from tried.finalbody
    if isinstance(inner, ast.stmt):
        yield from statements_after(inner, tried)


def _comes_after(node: ast.AST, other: ast.AST) -> bool:
    """Tell whether a node stands behind another; true where it is not known where it stands."""
    lines = [getattr(each, "lineno", None) for each in (node, other)]
    return node is not other and (None in lines or start_of(node) > start_of(other))


def _is_of_no_account(call: ast.Call, scope: Scope, inference: Inference) -> bool:
    """Tell whether a call only computes from what is there, writes it out, or ends the process."""
    return dotted_name(call.func) in EXITS or only_computes(call, scope, inference)
