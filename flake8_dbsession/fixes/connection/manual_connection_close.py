"""DBS604: a close by hand of a connection becomes the end of a block."""

from __future__ import annotations

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.facts.lifetime.hand_closes import HandClose
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.blocks.local_connection import CONNECTION, fix_connection
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Fix, Refusal


@register
class ManualConnectionClose(Fixer[HandClose]):
    """Makes the fix of what opens the connection."""

    code = "DBS604"
    kinds = CONNECTION

    def fix(self, fact: HandClose, document: Document) -> Fix:
        """Rewrite the connection's whole life."""
        for acquisition in document.context.file.facts(Acquisition):
            if acquisition.node is fact.opened:
                return fix_connection(acquisition, document)
        raise Refusal("the function does not open it by itself")
