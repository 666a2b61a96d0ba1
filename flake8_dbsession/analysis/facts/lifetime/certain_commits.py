"""Whether what a session has done is certain to be committed, and not on some ways alone."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from flake8_dbsession.analysis.effects.work.block import block_of
from flake8_dbsession.analysis.effects.work.changes import Changes
from flake8_dbsession.analysis.effects.work.loaded import Objects
from flake8_dbsession.analysis.effects.work.model import LASTING, Did, PathWork
from flake8_dbsession.analysis.effects.work.uses import Uses
from flake8_dbsession.analysis.effects.work.walk import ways_through
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Assigned, Parameter, Scope
from flake8_dbsession.analysis.nodes import dotted_name, nodes_in, own_nodes


def leaves_changes(
    body: Sequence[ast.stmt], session: str, uses: Uses, scope: Scope, inference: Inference
) -> bool:
    """Tell whether statements are seen to leave changes uncommitted where no error comes between.

    Args:
        body: the statements.
        session: the session as it is written.
        uses: what is done by the session.
        scope: the scope of the statements.
        inference: follows the functions that are given the session or its objects.
    """
    objects = Objects(session, block_of(scope, inference=inference))
    readers = (uses, Changes(objects))
    return any(_leaves(ways_through(body, reader, handlers=False)) for reader in readers)


def commits_all(ways: Iterable[PathWork]) -> bool:
    """Tell whether some way commits, and none is seen to leave a change uncommitted."""
    ways = list(ways)
    return any(Did.COMMITS in way.did for way in ways) and not _leaves(ways)


def _leaves(ways: Iterable[PathWork]) -> bool:
    return any(way.since & LASTING and way.pending.is_seen for way in ways)


def is_for_the_caller_to_say(commit: ast.Call, scope: Scope) -> bool:
    """Tell whether a function commits only if what it is given says so: ``if commit: ...``."""
    return any(
        isinstance(node, (ast.If, ast.IfExp))
        and any(part is commit for part in nodes_in(node))
        and _is_given(node.test, scope)
        for node in own_nodes(scope.node)
    )


def _is_given(test: ast.expr, scope: Scope) -> bool:
    names = [node.id for node in nodes_in(test) if isinstance(node, ast.Name)]
    return bool(names) and all(_comes_of_parameter(name, scope) for name in names)


def _comes_of_parameter(name: str, scope: Scope) -> bool:
    """Tell whether a name is a parameter's, or a flag that tells what one is: ``db is None``."""
    match [binding.how for binding in scope.bindings(name)]:
        case [Parameter()]:
            return True
        case [Assigned(value=ast.Compare(left=ast.Name(id=given)))] if given != name:
            return any(isinstance(b.how, Parameter) for b in scope.bindings(given))
    return False


def begins_around(node: ast.excepthandler, session: str, scope: Scope) -> bool:
    """Tell whether a block around a handler is that of a transaction: ``with db.begin():``.

    Once it is rolled back by hand, the session takes no more work until the block ends.
    """
    return any(
        isinstance(block, (ast.With, ast.AsyncWith))
        and block.lineno < node.lineno <= (block.end_lineno or 0)
        and any(_begins(item, session) for item in block.items)
        for block in own_nodes(scope.node)
    )


def _begins(item: ast.withitem, session: str) -> bool:
    match item:
        case ast.withitem(
            context_expr=ast.Call(func=ast.Attribute(value=owner, attr="begin")),
            optional_vars=target,
        ):
            return session in (dotted_name(owner), target and dotted_name(target))
    return False
