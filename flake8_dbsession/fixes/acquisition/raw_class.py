"""DBS103: ``Session(engine)``, in a block or by hand, becomes a block of the provider."""

from __future__ import annotations

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition, Holder
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.blocks.local_session import fix_local
from flake8_dbsession.fixes.blocks.new_block import WHOLE_LIFE
from flake8_dbsession.fixes.blocks.session_block import fix_block
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.house.work import is_made_here
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Fix, Refusal


@register
class PassTheClassBy(Fixer[Acquisition]):
    """Takes the provider's session in the place of one made from the class."""

    code = "DBS103"
    kinds = WHOLE_LIFE

    def fix(self, fact: Acquisition, document: Document) -> Fix:
        """Rewrite the block, or the session's whole life."""
        if is_made_here(fact):
            raise Refusal("its factory is made on the spot")
        fix = fix_block if fact.holder is Holder.BLOCK else fix_local
        return fix(fact, document)
