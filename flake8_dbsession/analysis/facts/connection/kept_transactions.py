"""What the functions of an object or a module do in the transaction of a connection it keeps."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition import callers
from flake8_dbsession.analysis.facts.connection.aborted_ways import Sequel, found_from
from flake8_dbsession.analysis.facts.connection.postgresql_handles import (
    Handle,
    calls_in_sight,
)
from flake8_dbsession.analysis.facts.connection.transaction_deeds import Deeds
from flake8_dbsession.analysis.facts.lifetime.process_end import ends_process
from flake8_dbsession.analysis.flow import build
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, Scope, body_of


def works_again(function: Scope, handle: Handle, inference: Inference) -> bool:
    """Tell whether a function is run for others than the project, in the same transaction again.

    Args:
        function: the function's scope.
        handle: the connection, as the function has it.
        inference: searches the project for those who call the function.

    Returns:
        True for a connection that an object or a module keeps where the function begins with work
        in it, and where the project nowhere calls it: a framework does, for each piece of work, or
        the users of the project do.
    """
    if not function.keeps(handle.name) or _is_run_once(function, inference):
        return False
    is_called = (
        callers.is_common(function, inference)
        or calls_in_sight(function, inference=inference)
        or any(callers.unknown_calls(function, inference))
    )
    return not is_called and _begins_with_work(function, handle, inference)


def _is_run_once(function: Scope, inference: Inference) -> bool:
    """Tell whether a script calls a function once, or Python does as an object comes or goes."""
    name = getattr(function.node, "name", "")
    return name.startswith("__") or ends_process(function, inference)


def _begins_with_work(function: Scope, handle: Handle, inference: Inference) -> bool:
    graph = build(function.node) if isinstance(function.node, FUNCTIONS) else None
    if graph is None:
        return False
    found = found_from([(graph.entry, 0)], graph, Deeds(handle, function, inference))
    sequels = {each.sequel for each in found}
    return Sequel.USED in sequels and Sequel.ROLLED_BACK not in sequels


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
