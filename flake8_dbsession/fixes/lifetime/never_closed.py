"""DBS302: a session by hand, one that no path closes, becomes a block of the provider."""

from __future__ import annotations

from flake8_dbsession.analysis.facts.lifetime.endings import Ending
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.blocks.local_session import fix_local
from flake8_dbsession.fixes.blocks.new_block import WHOLE_LIFE
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Fix


@register
class NeverClosed(Fixer[Ending]):
    """Makes the fix of what opens the session."""

    code = "DBS302"
    kinds = WHOLE_LIFE

    def fix(self, fact: Ending, document: Document) -> Fix:
        """Rewrite the session's whole life."""
        return fix_local(fact.acquisition, document)
