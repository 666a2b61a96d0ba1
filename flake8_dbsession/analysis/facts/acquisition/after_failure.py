"""Whether code runs only after work with a session has failed."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.effects.handlers import caught_classes
from flake8_dbsession.analysis.library.python import NO_FLUSH_RAISES
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.nodes import blocks, names

_LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_OTHERS = NO_FLUSH_RAISES | {"HTTPException"}


def is_after_failure(
    call: ast.Call, session: str, scope: Scope, tree: Tree, inference: Inference
) -> bool:
    """Tell whether a call is made only where work with a session may have failed.

    Args:
        call: the call.
        session: the session's name.
        scope: the scope of the call.
        tree: the visited part of the file.
        inference: answers what the classes are that handlers name.

    Returns:
        True in a handler of a ``try`` that works with the session, and behind such a ``try`` whose
        body leaves when all went well.
    """
    inside: ast.AST = call
    for above in tree.ancestors(call):
        if isinstance(above, ast.ExceptHandler):
            attempt = tree.parent(above)
            if _works(attempt, session) and _may_catch(above, scope, inference):
                return True
        if _follows_one(inside, above, session, scope, inference):
            return True
        if isinstance(above, (ast.FunctionDef, ast.AsyncFunctionDef)):
            break
        inside = above
    return False


def _follows_one(
    inside: ast.AST, above: ast.AST, session: str, scope: Scope, inference: Inference
) -> bool:
    """Tell whether a statement stands behind a ``try`` that goes on only when work failed."""
    around = [above.body] if isinstance(above, ast.ExceptHandler) else blocks(above)
    block = next((each for each in around if inside in each), [])
    return any(
        isinstance(before, ast.Try)
        and isinstance((before.orelse or before.body)[-1], _LEAVING)
        and _works(before, session)
        and any(_may_catch(handler, scope, inference) for handler in before.handlers)
        for before in block[: block.index(inside) if block else 0]  # type: ignore[arg-type]
    )


def _works(attempt: ast.AST | None, session: str) -> bool:
    """Tell whether the body of a ``try`` names a session."""
    body = attempt.body if isinstance(attempt, ast.Try) else []
    return any(names(statement, session) for statement in body)


def _may_catch(handler: ast.ExceptHandler, scope: Scope, inference: Inference) -> bool:
    """Tell whether a handler may catch an error of a session."""
    return not _OTHERS.issuperset(caught_classes(handler.type, scope, inference))
