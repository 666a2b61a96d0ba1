"""How a connection is opened, as far as the call that opens it tells."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Entered, Scope
from flake8_dbsession.analysis.names.texts import followed, text_of
from flake8_dbsession.analysis.names.values import RoleValue
from flake8_dbsession.analysis.nodes import nodes_in

_WITH_FILES = frozenset({"aiosqlite", "apsw", "duckdb", "sqlite3"})
_FOR_THREADS = "check_same_thread"  # sqlite3's, and aiosqlite's
_MEMORY = (":memory:", "file::memory:")


def opening_call(expression: ast.expr, scope: Scope, inference: Inference) -> ast.Call | None:
    """Find the call that opened what a name or attribute stands for.

    Args:
        expression: the name or attribute.
        scope: the scope it is read in.
        inference: follows names.

    Returns:
        The call; None where it is not in sight, or is one of several.
    """
    value, _ = followed(expression, scope, inference)
    if isinstance(value, ast.Name):
        contexts = [b.how.context for b in scope.lookup(value.id) if isinstance(b.how, Entered)]
        value = contexts[0] if len(contexts) == 1 else value
    if isinstance(value, ast.Await):
        value = value.value
    return value if isinstance(value, ast.Call) else None


def is_in_memory(call: ast.Call, known: RoleValue, scope: Scope, inference: Inference) -> bool:
    """Tell whether a database lives, or may live, in its one connection, and nowhere else.

    Args:
        call: the call that opens it.
        known: what that gives.
        scope: the scope it stands in.
        inference: follows the names in it.
    """
    if known.library not in _WITH_FILES:
        return False
    if _path(call) is None:
        return known.library == "duckdb" and all(keyword.arg for keyword in call.keywords)
    texts = _databases(call, scope, inference)
    return any(text.startswith(_MEMORY) or "mode=memory" in text for text in texts)


def is_shared_in_memory(
    call: ast.Call, known: RoleValue, scope: Scope, inference: Inference
) -> bool:
    """Tell whether a database may live in memory for as long as any connection to it is open.

    Args:
        call: the call that opens one.
        known: what that gives.
        scope: the scope it stands in.
        inference: follows the names in it.
    """
    if known.library not in _WITH_FILES:
        return False
    shares = ("cache=shared", "mode=memory", "vfs=memdb")  # sqlite.org/inmemorydb.html
    return any(part in text for text in _databases(call, scope, inference) for part in shares)


def _path(call: ast.Call) -> ast.expr | None:
    """Give what says which database a call opens."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    return call.args[0] if call.args else given.get("database", given.get("filename"))


def _databases(call: ast.Call, scope: Scope, inference: Inference) -> Iterable[str]:
    """Give the texts that may say which database a call opens."""
    path = _path(call)
    if path is None:
        return ()
    text = text_of(path, scope, inference)
    return _texts_in(path, scope, inference) if text is None else [text]


def _texts_in(path: ast.expr, scope: Scope, inference: Inference) -> Iterator[str]:
    """Give the texts that a path may be: ``os.environ.get("DB", ":memory:")``, under any name."""
    value, _ = followed(path, scope, inference)
    for node in nodes_in(value):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def is_for_threads(call: ast.Call) -> bool:
    """Tell whether a call says that several threads will work on the connection."""
    return any(
        keyword.arg == _FOR_THREADS
        and isinstance(keyword.value, ast.Constant)
        and keyword.value.value is False
        for keyword in call.keywords
    )
