"""Whether a block does the same under the house's provider as it does by hand."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from flake8_dbsession.analysis.names.scopes import Scope, own_nodes
from flake8_dbsession.fixes.columns import column_test
from flake8_dbsession.fixes.document import Document
from flake8_dbsession.fixes.objects import Objects, outliving
from flake8_dbsession.fixes.pending import left_pending
from flake8_dbsession.fixes.provision import Provision


def doubts_about(
    session: str,
    body: Sequence[ast.stmt],
    scope: Scope,
    provision: Provision,
    document: Document,
    *,
    closes_stay: bool = True,
) -> tuple[str, ...]:
    """Say why a block may behave differently under a provider.

    Args:
        session: the session's name.
        body: the statements that are to work under the provider.
        scope: the scope that they stand in.
        provision: the provider.
        document: the file.
        closes_stay: whether the closes among the statements stay there.

    Returns:
        The doubts; none where the block is certain to do the same.
    """
    if not provision.commits:
        return provision.doubts
    objects = Objects(session, body, column_test(body, scope, document.context.file.inference))
    pending = left_pending(body, objects, closes_stay=closes_stay)
    return (*provision.doubts, *_about_commit(pending, objects, body, scope, provision))


def _about_commit(
    pending: int,
    objects: Objects,
    body: Sequence[ast.stmt],
    scope: Scope,
    provision: Provision,
) -> Iterator[str]:
    if pending:
        yield f"`{provision.name}` would commit what line {pending} may leave uncommitted"
    if not provision.keeps_loaded:
        later = names_read_outside(body, scope)
        left = outliving(objects, body, later.__contains__)
        if left is not None:
            yield (
                f"`{provision.name}` expires loaded objects when it commits, and line "
                f"{left.lineno} may let one out of the block"  # type: ignore[attr-defined]
            )


def names_read_outside(body: Sequence[ast.stmt], scope: Scope) -> set[str]:
    """Give the names that a function reads after a block, or around it where that is in a loop.

    Args:
        body: the block's statements.
        scope: the scope that they stand in.
    """
    function = scope.function() or scope.module.scope
    first, last = body[0].lineno, body[-1].end_lineno or 0
    in_loop = any(
        isinstance(node, (ast.For, ast.AsyncFor, ast.While))
        and node.lineno < first
        and last <= (node.end_lineno or 0)
        for node in own_nodes(function.node)
    )
    declared = {
        name
        for node in own_nodes(function.node)
        if isinstance(node, (ast.Global, ast.Nonlocal))
        for name in node.names
    }
    if isinstance(function.node, ast.Module):
        declared |= {n.id for s in body for n in ast.walk(s) if _is_store(n)}  # type: ignore[attr-defined]
    read = {
        node.id
        for node in ast.walk(function.node)
        if isinstance(node, ast.Name)
        and isinstance(node.ctx, ast.Load)
        and (node.lineno > last or (in_loop and node.lineno < first))
    }
    return read | declared


def _is_store(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
