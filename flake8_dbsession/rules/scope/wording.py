"""Words that the messages of this family share."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.facts.acquisition.acquisitions import local_name
from flake8_dbsession.analysis.facts.connection.connecting import opening_call
from flake8_dbsession.analysis.facts.scope.handovers import Hop
from flake8_dbsession.analysis.names.dotted import expression_of
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import Role, RoleValue
from flake8_dbsession.house.model import Way
from flake8_dbsession.rules.context import Context

SHARERS = {
    Hop.THREAD: "another thread",
    Hop.EXECUTOR: "another thread",
    Hop.PROCESS: "another process",
    Hop.TASK: "a task that runs on",
    Hop.GATHER: "several coroutines at once",
    Hop.GROUP: "several tasks at once",
}
"""With whom each way to start work shares what it is given."""

_LONGEST = 60  # characters of the offending code that a message repeats


def shortened(code: str) -> str:
    """Give code as a message quotes it: its beginning, where it is long."""
    return code if len(code) <= _LONGEST else f"{code[:_LONGEST]}..."


def own_session(known: RoleValue, session: str, scope: Scope, context: Context) -> str:
    """Say how other work can open a session of its own, to go after "open its own".

    Args:
        known: the session that it is given now.
        session: that session as it is written.
        scope: where it is given.
        context: the file and its policy.

    Returns:
        The house's pattern after a comma: where the policy says nothing, the provider that gave
        this session. Empty where the session's origin does not tell the house, and where the
        arguments of that provider tell which database it is.
    """
    name, inference = local_name(session), context.file.inference
    opening = opening_call(expression_of(session), scope, inference)
    if opening is not None and not context.is_declared:
        entered = inference.known(opening, scope)
        if entered is not None and entered.role is Role.MANAGER:
            return _again(opening, entered, name)
    if known.home is None:
        return ""
    factory = opening.func if opening is not None else None
    pattern = context.pattern(known, name, scope.module.scope, factory)
    return f", with {pattern}" if pattern else ""


def _again(opening: ast.Call, entered: RoleValue, name: str) -> str:
    """Say to enter a provider as it was entered for the session that there is."""
    if opening.args or opening.keywords:
        return ""
    way = Way(ast.unparse(opening.func), is_async=entered.is_async)
    return f", with `{way.written(name)}`"
