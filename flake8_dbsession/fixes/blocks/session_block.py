"""A ``with`` block that opens a session by hand becomes one of the house's provider."""

from __future__ import annotations

import ast

import libcst as cst

from flake8_dbsession.analysis.effects.work.block import Block
from flake8_dbsession.analysis.effects.work.changes import Changes
from flake8_dbsession.analysis.effects.work.loaded import Objects
from flake8_dbsession.analysis.effects.work.model import ENDS
from flake8_dbsession.analysis.effects.work.walk import work_through
from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.fixes.blocks.new_block import PASS, early_doubt
from flake8_dbsession.fixes.blocks.opening import opens_quietly, swap_of
from flake8_dbsession.fixes.blocks.provision import Need, Provision, need_of, provision_for
from flake8_dbsession.fixes.blocks.request_session import fix_request_block, uses_request
from flake8_dbsession.fixes.doubts.behaviour import doubts_about, doubts_of, lends
from flake8_dbsession.fixes.doubts.fresh import refuse_borrowed
from flake8_dbsession.fixes.fallback import (
    beside_fallback,
    doubting_fallback,
    stays_as_fallback,
)
from flake8_dbsession.rewriting.closes import block_of, without_closes
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Doubt, Edit, Fix, Kind, Refusal
from flake8_dbsession.rewriting.region import Region, in_place_of


def fix_block(acquisition: Acquisition, document: Document) -> Fix:
    """Enter the provider's block in the place of the factory's or the session's own.

    Args:
        acquisition: what is entered.
        document: the file.

    Returns:
        The fix.

    Raises:
        Refusal: the block enters something around it, or there is no provider that would do.
    """
    call = acquisition.node
    block = document.block_of(acquisition.target)
    if block is None or call not in [item.context_expr for item in block.items]:
        raise Refusal("the block does not enter the session itself")
    document.refuse_comments(call)
    refuse_borrowed(acquisition, document)
    need = need_of(acquisition, document)
    if uses_request(document):
        return fix_request_block(need, block, document)
    provision = provision_for(need, document, injects=len(block.items) == 1)
    if provision.is_injected:
        return fix_injected_block(need, block, provision, document)
    if provision.is_async != isinstance(block, ast.AsyncWith):
        raise Refusal("the block is of the other kind")
    if stays_as_fallback(need, block.body, provision, document):
        edits = _beside_fallback(block, call, provision, document)
    else:
        provision = doubting_fallback(provision)
        edits = (document.replace(call, provision.call),)
    doubts = _doubts(need, block, provision, document)
    is_lent = lends(need.name, block.body, need.scope, provision, document)
    swap = swap_of(need, provision, document, enters=True, lends=is_lent, only_closes=True)
    return Fix((*edits, *provision.edits), doubts, document.names_in(call), swap=swap)


def fix_injected_block(
    need: Need, block: ast.With | ast.AsyncWith, provision: Provision, document: Document
) -> Fix:
    """Let the statements of a block work with a parameter in the place of what it enters.

    Args:
        need: what the block opens, and nothing else besides.
        block: the block.
        provision: the dependency.
        document: the file.
    """
    region = Region([block], document)
    (old,) = region.statements
    assert isinstance(old, cst.With)
    body = without_closes(block_of(old.body), need.name, rolls_back=False)
    statements = region.keeping(in_place_of(old, body or [PASS]))
    doubts = _doubts(need, block, provision, document) + region.losses(statements)
    if not opens_quietly(need, provision, document):
        doubts += (early_doubt(provision),)
    edits = (*region.rewritten(statements), *provision.edits)
    swap = swap_of(need, provision, document, enters=True)
    return Fix(edits, doubts, document.names_in(need.call), swap=swap)


def _doubts(
    need: Need, block: ast.With | ast.AsyncWith, provision: Provision, document: Document
) -> tuple[Doubt, ...]:
    if not _begins(need.call):
        return doubts_about(need.name, block.body, need.scope, provision, document)
    if not provision.commits:
        raise Refusal(f"`{provision.name}` would not commit")
    objects = Objects(need.name, Block(block.body, need.scope, document.context.file.inference))
    if work_through(block.body, Changes(objects)).ever & ENDS:
        reason = "`begin()` lets nothing more be done after a commit by hand"
        return (*doubts_of(provision), Doubt(Kind.OTHER, reason))
    return tuple(doubts_of(provision))


def _beside_fallback(
    block: ast.With | ast.AsyncWith, call: ast.Call, provision: Provision, document: Document
) -> tuple[Edit, ...]:
    """Enter the provider where there is one, and else the old block."""
    region = Region([block], document)
    (old,) = region.statements
    assert isinstance(old, cst.With)
    index = [item.context_expr for item in block.items].index(call)
    items = [*old.items]
    items[index] = items[index].with_changes(item=cst.parse_expression(provision.call))
    new = old.with_changes(items=items)
    return region.rewritten([beside_fallback([new], [old], provision, region.indent)])


def _begins(call: ast.Call) -> bool:
    """Tell whether a block is that of ``SessionLocal.begin()``, which commits."""
    return isinstance(call.func, ast.Attribute) and call.func.attr == "begin"
