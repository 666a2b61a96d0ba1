"""Whether a function has worked with the session that it hands out."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.effects.work.model import Did
from flake8_dbsession.analysis.effects.work.uses import A_SESSION, uses_of_name
from flake8_dbsession.analysis.effects.work.walk import ways_through
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope, body_of
from flake8_dbsession.analysis.nodes import nodes_in, own_nodes


@remembered
def is_handed_out_in_use(function: Scope, part: int | None, *, inference: Inference) -> bool:
    """Tell whether a session holds a connection already where a function returns it.

    Args:
        function: the function's scope.
        part: which part of what it returns the session is; None where it is all of it.
        inference: answers what is called.

    Returns:
        True where every way to a ``return`` has asked the database after the last commit, rollback
        or close.
    """
    returns = [n for n in own_nodes(function.node) if isinstance(n, ast.Return) and n.value]
    names = {_name(statement.value, part) for statement in returns}
    if len(names) != 1 or None in names or isinstance(function.node, ast.Lambda):
        return False
    uses = uses_of_name(names.pop() or "", function, A_SESSION, inference)
    for statement in returns:
        for node in nodes_in(statement):
            uses.acts.pop(node, None)
    ways = ways_through(body_of(function.node), uses)
    return bool(ways) and all(way.since & Did.ASKS and way.pending.is_seen for way in ways)


def _name(value: ast.expr | None, part: int | None) -> str | None:
    if part is not None:
        elements = value.elts if isinstance(value, ast.Tuple) else []
        value = elements[part] if part < len(elements) else None
    return value.id if isinstance(value, ast.Name) else None
