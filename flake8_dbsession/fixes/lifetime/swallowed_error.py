"""DBS308: a handler that goes on with a failed transaction rolls it back first."""

from __future__ import annotations

import ast

import libcst as cst

from flake8_dbsession.analysis.facts.lifetime.swallowed_errors import SwallowedError
from flake8_dbsession.analysis.facts.lifetime.undone_work import Undone
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Doubt, Edit, Fix, Kind, Refusal
from flake8_dbsession.rewriting.places import refuse_without_await
from flake8_dbsession.rewriting.region import Region, parted

_ENDING = frozenset({"close", "commit", "rollback"})
_BY_HAND = {
    Undone.BATCH: "each iteration has to be committed, for a rollback undoes what is not",
    Undone.OTHERS: "only a `try` around the commit alone can roll back and undo no more",
    Undone.UNCOMMITTED: "a rollback would undo work that is to be committed before the `try`",
}


@register
class RollBackFirst(Fixer[SwallowedError]):
    """Puts a rollback at the beginning of the handler, or a savepoint around what it handles."""

    code = "DBS308"

    def fix(self, fact: SwallowedError, document: Document) -> Fix:
        """Roll back, where that ends nothing but the work that failed; else to a savepoint."""
        if fact.undone is not None:
            return _in_savepoint(fact, fact.undone, document)
        first = fact.node.body[0]
        line = document.first_line(first)
        if not document.stands_alone(first, first) or line == fact.node.lineno:
            raise Refusal("the handler stands on one line")
        if fact.is_async:
            refuse_without_await(first, document)
        keyword = "await " if fact.is_async else ""
        call = f"{document.indent_of(first)}{keyword}{fact.session}.rollback()"
        at = document.offset(line, 0)
        edit = Edit(at, at, f"{call}{document.newline}")
        if isinstance(first, ast.Pass) and len(fact.node.body) == 1:
            edit = document.replace(first, call.strip())
        reason = "objects that were loaded before the error are expired after a rollback"
        return Fix((edit,), (Doubt(Kind.OTHER, reason),))


def _in_savepoint(fact: SwallowedError, undone: Undone, document: Document) -> Fix:
    """Put a savepoint around what the handler's ``try`` does."""
    if undone in _BY_HAND:
        raise Refusal(_BY_HAND[undone])
    if fact.added:
        raise Refusal(f"line {fact.added} has to move into the savepoint's block")
    if fact.after:
        raise Refusal(f"line {fact.after} may commit, and has to stay outside of a savepoint")
    if fact.unflushed:
        raise Refusal(f"line {fact.unflushed} has to be flushed before the savepoint begins")
    if fact.expired:
        raise Refusal(f"`{fact.expired}` has to be loaded again after a savepoint that failed")
    if fact.is_retried:
        raise Refusal("the handler works with the session by itself")
    handled = _handled_by(fact.node, document)
    if any(_ends(node, fact.session) for each in handled.body for node in own_nodes(each)):
        raise Refusal("the `try` ends the transaction by itself")
    region = Region(handled.body, document)
    above, body = parted(region.statements)
    block = cst.With(
        items=[cst.WithItem(cst.parse_expression(f"{fact.session}.begin_nested()"))],
        body=cst.IndentedBlock(body, indent=region.indent),
        leading_lines=above,
        asynchronous=cst.Asynchronous() if fact.is_async else None,
    )
    reason = "an error undoes all that its `try` has done, and SQLite's savepoints need two hooks"
    return Fix(region.rewritten([block]), (Doubt(Kind.OTHER, reason),))


def _handled_by(handler: ast.ExceptHandler, document: Document) -> ast.Try:
    """Give the ``try`` that a handler belongs to."""
    tries = (node for node in ast.walk(document.tree) if isinstance(node, ast.Try))
    return next(node for node in tries if handler in node.handlers)


def _ends(node: ast.AST, session: str) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=owner, attr=method)):
            return method in _ENDING and ast.unparse(owner) == session
    return False
