"""DBS307: a commit or rollback that the block makes by itself goes."""

from __future__ import annotations

from flake8_dbsession.analysis.facts.redundant_calls import RedundantCall
from flake8_dbsession.fixes.base import Fix, Fixer
from flake8_dbsession.fixes.document import Document
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.fixes.removal import without_call


@register
class LeaveItToTheBlock(Fixer[RedundantCall]):
    """Takes the call away."""

    code = "DBS307"

    def fix(self, fact: RedundantCall, document: Document) -> Fix:
        """Remove the call."""
        return Fix(without_call(fact.node, document))
