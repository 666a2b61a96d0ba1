"""DBS104: a legacy accessor's session comes from what the layer uses."""

from __future__ import annotations

from flake8_dbsession.analysis.facts.acquisition.accessor_calls import AccessorCall
from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition, Holder
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.blocks.local_session import fix_local
from flake8_dbsession.fixes.blocks.new_block import WHOLE_LIFE
from flake8_dbsession.fixes.blocks.session_block import fix_block
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Fix, Refusal


@register
class AskTheLayersOwn(Fixer[AccessorCall]):
    """Puts what the layer uses in the accessor's place."""

    code = "DBS104"
    kinds = WHOLE_LIFE

    def fix(self, fact: AccessorCall, document: Document) -> Fix:
        """Rewrite the block, or the session's whole life."""
        for acquisition in document.context.file.facts(Acquisition):
            if acquisition.node is fact.node:
                fix = fix_block if acquisition.holder is Holder.BLOCK else fix_local
                return fix(acquisition, document)
        raise Refusal("it is not plain what it gives")
