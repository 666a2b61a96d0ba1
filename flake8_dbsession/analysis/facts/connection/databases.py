"""What kind of database a session or connection talks to, as far as its engine's URL tells."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.facts.engine.urls import url_of
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.values import Known


def is_on_server(known: Known, inference: Inference) -> bool:
    """Tell whether a session's engine has the URL of a database server.

    Args:
        known: the session.
        inference: follows the names in the URL.

    Returns:
        False for SQLite, and where the engine or its URL is not found.
    """
    match known.database:
        case (ast.Call(args=[url, *_]), scope):
            found = url_of(url, scope, inference)
            kind = found.kind if found is not None else None
            return kind is not None and not kind.startswith("sqlite")
    return False
