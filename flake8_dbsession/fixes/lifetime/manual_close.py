"""DBS301: a close by hand goes with what opened the session."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.facts.acquisitions import Acquisition
from flake8_dbsession.analysis.facts.hand_closes import HandClose, Origin
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.local_session import fix_local
from flake8_dbsession.fixes.new_block import WHOLE_LIFE
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Fix, Refusal


@register
class ManualClose(Fixer[HandClose]):
    """Makes the fix of what opens the session."""

    code = "DBS301"
    kinds = WHOLE_LIFE

    def fix(self, fact: HandClose, document: Document) -> Fix:
        """Rewrite the session's whole life."""
        if fact.origin is not Origin.OWN:
            raise Refusal("the function does not open it by itself")
        name = getattr(fact.receiver, "id", "")
        found = [
            acquisition
            for acquisition in document.context.file.facts(Acquisition)
            if acquisition.name == name
            and (acquisition.scope.function() or acquisition.scope.module.scope) is fact.scope
            and _place(acquisition.node) < _place(fact.node)
        ]
        if not found:
            raise Refusal("what opens it is not found")
        return fix_local(found[-1], document)


def _place(call: ast.Call) -> tuple[int, int]:
    return call.lineno, call.col_offset
