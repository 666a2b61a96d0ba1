"""DBS102: ``with SessionLocal() as db`` becomes ``with get_db_session() as db``."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.facts.acquisitions import Acquisition
from flake8_dbsession.fixes.base import Fix, Fixer, Refusal
from flake8_dbsession.fixes.behaviour import doubts_about
from flake8_dbsession.fixes.document import Document
from flake8_dbsession.fixes.provision import provision_for
from flake8_dbsession.fixes.registry import register


@register
class EnterTheProvider(Fixer[Acquisition]):
    """Enters the provider's block in the place of the factory's own."""

    code = "DBS102"

    def fix(self, fact: Acquisition, document: Document) -> Fix:
        """Call the provider instead of the factory."""
        item, block = fact.target, document.block_of(fact.target)
        if (
            not isinstance(item, ast.withitem)
            or block is None
            or item.context_expr is not fact.node
        ):
            raise Refusal("the block does not enter the session itself")
        if fact.node.args or fact.node.keywords:
            raise Refusal("the session is opened with arguments of its own")
        document.refuse_comments(fact.node)
        provision = provision_for(fact, document)
        if _begins(fact.node) and not provision.commits:
            raise Refusal(f"`{provision.name}` would not commit")
        if provision.is_async != isinstance(block, ast.AsyncWith):
            raise Refusal("the block is of the other kind")
        doubts = provision.doubts
        if not _begins(fact.node):
            name = fact.name if fact.name.isidentifier() else ""
            doubts = doubts_about(name, block.body, fact.scope, provision, document)
        edits = (document.replace(fact.node, provision.call), *provision.edits)
        return Fix(edits, doubts, document.root_name(fact.node))


def _begins(call: ast.Call) -> bool:
    """Tell whether a block is that of ``SessionLocal.begin()``, which commits."""
    return isinstance(call.func, ast.Attribute) and call.func.attr == "begin"
