"""DBS307: a commit or rollback that the block makes by itself goes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.work.block import Block
from flake8_dbsession.analysis.effects.work.loaded import Objects
from flake8_dbsession.analysis.facts.lifetime.redundant_calls import RedundantCall
from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Doubt, Fix, Kind
from flake8_dbsession.rewriting.places import PlacedStatement, places
from flake8_dbsession.rewriting.removal import without_call


@register
class LeaveItToTheBlock(Fixer[RedundantCall]):
    """Takes the call away."""

    code = "DBS307"
    kinds = frozenset({Kind.ERROR_PATH})

    def fix(self, fact: RedundantCall, document: Document) -> Fix:
        """Remove the call."""
        path = _inside(fact, places(fact.node, document.tree))
        is_commit = last_segment(fact.node.func) == "commit"
        doubts = _about_commit(path) if is_commit else _about_rollback(path, document)
        return Fix(without_call(fact.node, document), tuple(doubts))


def _inside(fact: RedundantCall, path: list[PlacedStatement]) -> list[PlacedStatement]:
    """Give the places within the block that makes the call as well."""
    entered = (
        index
        for index, place in enumerate(path)
        if any(item.context_expr is fact.block for item in getattr(place.statement, "items", ()))
    )
    return path[next(entered) :]


def _about_commit(path: list[PlacedStatement]) -> Iterator[Doubt]:
    if any(isinstance(place.statement, ast.Try) for place in path):
        yield Doubt(Kind.ERROR_PATH, "an error of the commit would pass the handlers by")


def _about_rollback(path: list[PlacedStatement], document: Document) -> Iterator[Doubt]:
    block, call = path[0].statement, path[-1]
    assert isinstance(block, (ast.With, ast.AsyncWith))
    tries = [place for place in path if isinstance(place.statement, ast.Try)]
    if len(tries) > 1:
        yield Doubt(Kind.ERROR_PATH, "a `try` further out may go on with the session")
    called = call.statement.value  # type: ignore[attr-defined]
    session = next(n.id for n in ast.walk(called) if isinstance(n, ast.Name))
    inference = document.context.file.inference
    objects = Objects(session, Block(block.body, document.top, inference))
    if any(objects.mentions(statement) for statement in call.after):
        reason = "the handler goes on with the session, or with what was loaded in it"
        yield Doubt(Kind.ERROR_PATH, reason)
