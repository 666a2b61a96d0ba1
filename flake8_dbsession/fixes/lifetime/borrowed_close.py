"""DBS306: the close of a session that somebody else owns goes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.work.block import Block
from flake8_dbsession.analysis.effects.work.loaded import Objects
from flake8_dbsession.analysis.effects.work.pending import left_pending
from flake8_dbsession.analysis.facts.lifetime.hand_closes import HandClose, Origin
from flake8_dbsession.analysis.names.scopes import body_of
from flake8_dbsession.analysis.names.values import Role
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Doubt, Fix, Kind, Refusal
from flake8_dbsession.rewriting.removal import without_call


@register
class LeaveItToTheOwner(Fixer[HandClose]):
    """Takes the close away."""

    code = "DBS306"
    kinds = frozenset({Kind.PATCHED})

    def fix(self, fact: HandClose, document: Document) -> Fix:
        """Remove the call, and what stands there only for it."""
        if fact.origin is Origin.EITHER:
            raise Refusal(f"whether `{fact.giver}` is the caller's is not known where it is closed")
        edits = without_call(fact.node, document)
        return Fix(edits, tuple(_doubts(fact, document)), document.root_name(fact.receiver))


def _doubts(fact: HandClose, document: Document) -> Iterator[Doubt]:
    if fact.origin is Origin.PARAMETER:
        yield Doubt(Kind.OTHER, "a caller may count on it to be closed here")
    elif fact.origin is Origin.DEPENDENCY and fact.known.source is not Role.DEPENDENCY:
        reason = f"what injects `{fact.giver}` is not found, and may leave it open"
        yield Doubt(Kind.OTHER, reason)
    if fact.known.role is Role.REGISTRY:
        yield Doubt(Kind.OTHER, f"what `{fact.giver}` has waiting may be committed by others then")
    line = _pending(fact, document)
    if line:
        reason = f"the close gives up what line {line} may leave uncommitted"
        yield Doubt(Kind.OTHER, reason)


def _pending(fact: HandClose, document: Document) -> int:
    """Give the line of work that only the close keeps from being committed later; 0 for none."""
    body = body_of(fact.scope.node)
    if not isinstance(fact.receiver, ast.Name) or not body:
        return 0
    objects = Objects(fact.receiver.id, Block(body, fact.scope, document.context.file.inference))
    return max((each.line for each in left_pending(body, objects, closes_stay=False)), default=0)
