"""DBS401: a request handler is given its session by a parameter."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.effects.work.block import Block
from flake8_dbsession.analysis.effects.work.loaded import Objects
from flake8_dbsession.analysis.effects.work.pending import left_pending
from flake8_dbsession.analysis.facts.acquisition.openings import Opening
from flake8_dbsession.analysis.names.values import FunctionValue, Role
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.blocks.local_session import fix_local
from flake8_dbsession.fixes.blocks.new_block import WHOLE_LIFE
from flake8_dbsession.fixes.blocks.provision import Need, provision_for
from flake8_dbsession.fixes.blocks.session_block import fix_block, fix_injected_block
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.house.block_ends import leaving_of
from flake8_dbsession.house.model import OpeningPlace
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Fix, Refusal


@register
class LetTheFrameworkOpen(Fixer[Opening]):
    """Takes the session as a parameter."""

    code = "DBS401"
    kinds = WHOLE_LIFE

    def fix(self, fact: Opening, document: Document) -> Fix:
        """Rewrite what opens the session, and the handler's parameters."""
        if fact.known.role is Role.MANAGER:
            return _fix_provider(fact, document)
        acquisition = document.context.acquisition_of(fact.node)
        if acquisition is None:
            raise Refusal("it is not plain who closes it")
        is_entered = document.block_of(acquisition.target) is not None
        return (fix_block if is_entered else fix_local)(acquisition, document)


def _fix_provider(fact: Opening, document: Document) -> Fix:
    """Let a parameter take the place of a provider's block."""
    item = document.context.file.tree.parent(fact.node)
    block = document.block_of(item)
    match block:
        case ast.With(items=[only]) | ast.AsyncWith(items=[only]) if only is item:
            name = only.optional_vars.id if isinstance(only.optional_vars, ast.Name) else ""
        case _:
            raise Refusal("it does not just open a session and give it a name")
    assert block is not None
    place = OpeningPlace(fact.known, fact.scope, name or "db", fact.node.func)
    need = Need(fact.node, fact.known, fact.scope, name, fact.node.func, place)
    provision = provision_for(need, document, injects=True)
    if not provision.is_injected:
        raise Refusal("it is opened by a provider")
    if not provision.commits and _may_commit(fact, document):
        objects = Objects(name, Block(block.body, fact.scope, document.context.file.inference))
        if left_pending(block.body, objects):
            raise Refusal(f"`{provision.name}` would not commit")
    return fix_injected_block(need, block, provision, document)


def _may_commit(fact: Opening, document: Document) -> bool:
    inference = document.context.file.inference
    provider = inference.value(fact.node.func, fact.scope)
    function = provider if isinstance(provider, FunctionValue) else None
    return leaving_of(function, inference.role(provider), inference).commits is not False
