"""Words that the messages of this family share."""

from __future__ import annotations

from flake8_dbsession.analysis.facts.acquisition.acquisitions import local_name
from flake8_dbsession.analysis.facts.scope.handovers import Hop
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import RoleValue
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
        The house's pattern after a comma; empty where the session's origin does not tell the house.
    """
    if known.home is None:
        return ""
    name = local_name(session)
    pattern = context.pattern(known, name, scope.module.scope)
    return f", with {pattern}" if pattern else ""
