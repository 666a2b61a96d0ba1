"""DBS102: ``with SessionLocal() as db`` becomes ``with get_db_session() as db``."""

from __future__ import annotations

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.blocks.new_block import WHOLE_LIFE
from flake8_dbsession.fixes.blocks.session_block import fix_block
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Fix


@register
class EnterTheProvider(Fixer[Acquisition]):
    """Enters the provider's block in the place of the factory's own."""

    code = "DBS102"
    kinds = WHOLE_LIFE

    def fix(self, fact: Acquisition, document: Document) -> Fix:
        """Call the provider instead of the factory."""
        return fix_block(fact, document)
