"""DBS301: a close by hand goes with what opened the session."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.effects.work.block import Block
from flake8_dbsession.analysis.effects.work.loaded import Objects
from flake8_dbsession.analysis.effects.work.pending import left_by
from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.facts.lifetime.hand_closes import HandClose, Origin
from flake8_dbsession.analysis.names.values import Role
from flake8_dbsession.analysis.nodes import is_name, start_of
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.blocks.local_session import fix_local
from flake8_dbsession.fixes.blocks.new_block import WHOLE_LIFE
from flake8_dbsession.fixes.doubts.behaviour import about_left
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.rewriting.closes import closes_early
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Fix, Refusal
from flake8_dbsession.rewriting.places import places
from flake8_dbsession.rewriting.removal import without_call


@register
class ManualClose(Fixer[HandClose]):
    """Makes the fix of what opens the session."""

    code = "DBS301"
    kinds = WHOLE_LIFE

    def fix(self, fact: HandClose, document: Document) -> Fix:
        """Rewrite the session's whole life, or leave the close to the session's block."""
        if fact.origin is Origin.BLOCK:
            return _left_to_the_block(fact, document)
        if fact.origin is not Origin.OWN:
            raise Refusal("the function does not open it by itself")
        name = getattr(fact.receiver, "id", "")
        found = [
            acquisition
            for acquisition in document.context.file.facts(Acquisition)
            if acquisition.name == name
            and (acquisition.scope.function() or acquisition.scope.module.scope) is fact.scope
            and start_of(acquisition.node) < start_of(fact.node)
        ]
        if not found:
            raise Refusal("what opens it is not found")
        return fix_local(found[-1], document)


def _left_to_the_block(fact: HandClose, document: Document) -> Fix:
    """Take a close away that the ``with`` block around it makes again."""
    name = getattr(fact.receiver, "id", "")
    around = [place.statement for place in places(fact.node, document.tree)]
    blocks = [s for s in around if isinstance(s, (ast.With, ast.AsyncWith)) and _enters(s, name)]
    if not blocks:
        raise Refusal("the block that closes it is not found")
    block = blocks[-1]
    if closes_early(block.body, name):
        raise Refusal("it is used after the close")
    edits = without_call(fact.node, document)
    inference = document.context.file.inference
    context = next(i.context_expr for i in block.items if is_name(i.optional_vars, name))
    known = inference.known(context, fact.scope)
    if known is None or known.role is not Role.MANAGER:
        return Fix(edits)
    objects = Objects(name, Block(block.body, fact.scope, inference))
    if not known.commits:
        return Fix(edits)
    left = left_by(block.body, objects, closes_stay=False)
    return Fix(edits, tuple(about_left(left, document.written(context).removesuffix("()"))))


def _enters(block: ast.With | ast.AsyncWith, name: str) -> bool:
    return any(is_name(item.optional_vars, name) for item in block.items)
