"""DBS404: the close after a ``yield`` moves into a ``finally``."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from flake8_dbsession.analysis.facts.lifetime.late_closes import LateClose
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Fix, Refusal
from flake8_dbsession.rewriting.guarded import guarded
from flake8_dbsession.rewriting.places import place_of_call, places
from flake8_dbsession.rewriting.region import Region, Statement


@register
class CloseInFinally(Fixer[LateClose]):
    """Puts a ``try`` around the ``yield``, and the close into its ``finally``."""

    code = "DBS404"

    def fix(self, fact: LateClose, document: Document) -> Fix:
        """Move the close."""
        close = place_of_call(fact.close, document.tree)[-1]
        around = [p for p in places(fact.node, document.tree) if p.block is close.block]
        if not around:
            raise Refusal("the close stands in another block than the `yield`")
        first = around[0].statement
        body = close.block[close.block.index(first) : close.block.index(close.statement)]
        region = Region([*body, close.statement], document)
        *statements, end = region.statements
        block = _with_finally(statements, end, region.indent) or guarded(
            statements, [end], region.indent
        )
        return Fix(region.rewritten([block]))


def _with_finally(statements: Sequence[Statement], end: Statement, indent: str) -> cst.Try | None:
    """Give the ``finally`` to a ``try`` that is there already, right before the close."""
    match statements:
        case [cst.Try(finalbody=None) as block]:
            return block.with_changes(finalbody=guarded(statements, [end], indent).finalbody)
    return None
