"""DBS101: ``db = SessionLocal()`` with its ``close()`` becomes a block of the provider."""

from __future__ import annotations

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.blocks.local_session import fix_local
from flake8_dbsession.fixes.blocks.new_block import WHOLE_LIFE
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Fix


@register
class LetTheProviderOpen(Fixer[Acquisition]):
    """Puts a block of the provider around what works with the session."""

    code = "DBS101"
    kinds = WHOLE_LIFE

    def fix(self, fact: Acquisition, document: Document) -> Fix:
        """Rewrite the session's whole life."""
        return fix_local(fact, document)
