"""What the functions of an object or a module do in the transaction of a connection it keeps."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition import callers
from flake8_dbsession.analysis.facts.connection.postgresql_handles import (
    Handle,
    calls_in_sight,
)
from flake8_dbsession.analysis.facts.connection.transaction_deeds import (
    Deeds,
    begins_with_work,
)
from flake8_dbsession.analysis.facts.lifetime.process_end import ends_process
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, Scope, body_of, last_segment
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.source.mentions import hints

_CONSTRUCTOR = "__init__"


def works_again(function: Scope, handle: Handle, inference: Inference) -> bool:
    """Tell whether a function is run for others than the project, in the same transaction again.

    Args:
        function: the function's scope.
        handle: the connection, as the function has it.
        inference: searches the project for those who call the function.

    Returns:
        True for a connection that an object or a module keeps where the function begins with work
        in it, and where the project nowhere calls it: a framework does, for each piece of work, or
        the users of the project do; and for a constructor where another method begins so.
    """
    if not handle.is_kept_in(function) or _is_wrapped(function, inference):
        return False
    if getattr(function.node, "name", "") == _CONSTRUCTOR:
        return any(
            begins_with_work(scope, its, inference=inference)
            for scope, its in _beside(function, handle)
            if not _is_run_once(scope, inference)
        )
    if _is_run_once(function, inference):
        return False
    is_called = (
        callers.is_common(function, inference)
        or calls_in_sight(function, inference=inference)
        or any(map(_may_be_its, callers.unknown_calls(function, inference)))
    )
    return not is_called and begins_with_work(function, handle, inference=inference)


def _may_be_its(called: callers.Called) -> bool:
    """Tell whether a call may be of a function: one on what looks like a cursor is the driver's."""
    owner = called.node.func.value if isinstance(called.node.func, ast.Attribute) else None
    name = last_segment(owner) if owner is not None else ""
    return not (hints(name) or "cur" in name.lower())


def _is_wrapped(function: Scope, inference: Inference) -> bool:
    """Tell whether a decorator of the project is around a function, which may see to its errors."""
    return any(
        isinstance(inference.value(each, function.parent), FunctionValue)
        for each in getattr(function.node, "decorator_list", ())
        if function.parent is not None
    )


def _is_run_once(function: Scope, inference: Inference) -> bool:
    """Tell whether a script calls a function once, or Python does as an object comes or goes."""
    name = getattr(function.node, "name", "")
    return name.startswith("__") or ends_process(function, inference)


def others_leave_changes(function: Scope, handle: Handle, inference: Inference) -> bool:
    """Tell whether functions beside one change something in a transaction that they do not commit.

    Args:
        function: the function's scope.
        handle: the connection that its object or module keeps.
        inference: follows what the others do.
    """
    return any(
        Deeds(its, scope, inference).leaves_changes() for scope, its in _beside(function, handle)
    )


def _beside(function: Scope, handle: Handle) -> Iterator[tuple[Scope, Handle]]:
    """Give the other functions of an object or a module, with what they call its connection."""
    root, _, attribute = handle.name.partition(".")
    is_own = bool(attribute) and root == function.receiver()
    keeper = (function.enclosing_class() if is_own else None) or function.module.scope
    for node in body_of(keeper.node):
        if isinstance(node, FUNCTIONS) and node is not function.node:
            scope = keeper.child(node)
            name = f"{scope.receiver()}.{attribute}" if is_own else handle.name
            yield scope, handle._replace(name=name)
