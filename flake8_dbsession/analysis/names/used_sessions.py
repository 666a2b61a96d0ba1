"""Parameters of no said type that can be nothing but sessions, by what is called on them.

Source: SQLAlchemy 2's reference of ``Session`` and ``AsyncSession``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from flake8_dbsession.analysis.names.scopes import FUNCTIONS, Scope
from flake8_dbsession.analysis.names.values import Resource, Role, RoleValue
from flake8_dbsession.analysis.nodes import is_name, own_nodes
from flake8_dbsession.analysis.source.mentions import hints

_AWAITED = frozenset(
    {"commit", "delete", "execute", "flush", "get", "merge", "refresh", "rollback"}
    | {"scalar", "scalars"}
)
"""What an asynchronous session is awaited for."""

_ALONE = frozenset({"flush", "query", "refresh", "scalars"})
"""What a session has, and no connection."""

_BESIDE = _AWAITED | _ALONE | {"add", "add_all", "begin_nested", "expire", "expunge"}
_UNIT_OF_WORK = frozenset({"add", "commit"})


def used_session(parameter: str, scope: Scope) -> RoleValue | None:
    """Tell what session a function can only be given for a parameter.

    Args:
        parameter: its name.
        scope: the function's scope.

    Returns:
        The session, as one that is given; None where it may be something else, or none at all.
    """
    if not isinstance(scope.node, FUNCTIONS) or not hints(parameter):
        return None
    nodes = own_nodes(scope.node)
    called = dict(_called_on(parameter, nodes))
    methods = set(called.values())
    is_session = methods & _ALONE and len(methods & _BESIDE) > 1
    if not is_session and not methods >= _UNIT_OF_WORK:
        return None
    awaited = {node.value for node in nodes if isinstance(node, ast.Await)}
    kinds = {call in awaited for call, method in called.items() if method in _AWAITED}
    if len(kinds) != 1:
        return None
    return RoleValue(Role.GIVEN, Resource.SESSION, is_async=kinds.pop(), library="sqlalchemy")


def _called_on(parameter: str, nodes: Sequence[ast.AST]) -> Iterator[tuple[ast.expr, str]]:
    """Give the calls of an object's methods, but for those that clients of any database have.

    Such a one is given its statement as a text: ``client.query("SELECT 1")``.
    """
    for node in nodes:
        match node:
            case ast.Call(args=[ast.Constant(value=str()) | ast.JoinedStr(), *_]):
                pass
            case ast.Call(func=ast.Attribute(value=owner, attr=method)):
                if is_name(owner, parameter):
                    yield node, method
