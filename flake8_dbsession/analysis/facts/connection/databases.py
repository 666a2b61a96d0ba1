"""What kind of database a session or connection talks to, as far as its engine's URL tells."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.facts.engine.urls import url_of
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.values import RoleValue

UNDOING_ONE = frozenset({"oracle", "sqlite"})
"""The dialects whose database undoes a failed statement alone; its transaction goes on.

Sources: SQLite's page "ON CONFLICT" (ABORT is the default), Oracle's "Statement-Level Rollback".
PostgreSQL aborts the whole transaction; MySQL and SQL Server undo it after a deadlock.
"""


def dialect_of(known: RoleValue, inference: Inference) -> str:
    """Give the dialect of a session's engine.

    Args:
        known: the session.
        inference: follows the names in the URL.

    Returns:
        Its name in the URL, such as ``postgresql``; empty where the engine or its URL is not found.
    """
    match known.database:
        case (ast.Call(args=[url, *_]), scope):
            found = url_of(url, scope, inference)
            return found.dialect if found is not None else ""
    return ""
