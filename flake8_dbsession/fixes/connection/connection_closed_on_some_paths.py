"""DBS603: a connection that some path leaves open gets a block that closes it."""

from __future__ import annotations

from flake8_dbsession.analysis.facts.lifetime.endings import Ending
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.blocks.local_connection import CONNECTION, fix_connection
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Fix


@register
class ConnectionClosedOnSomePaths(Fixer[Ending]):
    """Rewrites the connection's whole life."""

    code = "DBS603"
    kinds = CONNECTION

    def fix(self, fact: Ending, document: Document) -> Fix:
        """Put the block around its uses."""
        return fix_connection(fact.acquisition, document)
