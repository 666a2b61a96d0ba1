"""Work of synchronous sessions inside ``async def``, where it blocks the event loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.library.methods import DATABASE_WORK
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import HELD, Resource, Role
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.named_tuples import NamedTuple

_SESSIONS = HELD | {Role.REGISTRY}
_WORK = DATABASE_WORK | {"rollback"}


class BlockingCall(NamedTuple):
    """A call that waits for the database without giving the event loop its turn.

    Attributes:
        node: the call.
        session: the session, as it is written.
        function: the name of the ``async def`` it stands in.
    """

    node: ast.Call
    session: str
    function: str


def blocking_calls(tree: Tree, inference: Inference) -> Iterator[BlockingCall]:
    """Find the blocking calls of a file.

    Args:
        tree: the visited part of the file.
        inference: answers what the calls are made on.

    Yields:
        The calls in the own bodies of ``async def`` functions. An awaited call is none: what is
        awaited is asynchronous, whatever its annotation says.
    """
    for function, outside in tree.find(ast.AsyncFunctionDef):
        scope = outside.child(function)
        awaited: set[ast.expr] = set()
        for node in own_nodes(function):
            if isinstance(node, ast.Await):
                awaited.add(node.value)
            session = _worked_on(node, scope, inference)
            if isinstance(node, ast.Call) and session and node not in awaited:
                yield BlockingCall(node, session, function.name)


def _worked_on(node: ast.AST, scope: Scope, inference: Inference) -> str:
    """Give the synchronous session that a call works on; empty for anything else."""
    match node:
        case ast.Call(func=ast.Attribute(value=session, attr=method)) if method in _WORK:
            known = inference.known(session, scope)
            if known is not None and known.role in _SESSIONS and not known.is_async:
                return ast.unparse(session) if known.resource is Resource.SESSION else ""
    return ""
