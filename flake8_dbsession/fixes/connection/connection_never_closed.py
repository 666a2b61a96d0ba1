"""DBS602: a connection that no path closes gets a block that does."""

from __future__ import annotations

from flake8_dbsession.analysis.facts.lifetime.endings import Ending
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.blocks.local_connection import CONNECTION, fix_connection
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Fix, Refusal


@register
class ConnectionNeverClosed(Fixer[Ending]):
    """Rewrites the connection's whole life."""

    code = "DBS602"
    kinds = CONNECTION

    def fix(self, fact: Ending, document: Document) -> Fix:
        """Put the block around its uses."""
        if fact.leaves_with_its_cursor:
            raise Refusal("a cursor of the connection is returned")
        if fact.keeps_its_cursor:
            raise Refusal("a cursor of the connection is kept")
        return fix_connection(fact.acquisition, document)
