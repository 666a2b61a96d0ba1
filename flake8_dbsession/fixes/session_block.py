"""A ``with`` block that opens a session by hand becomes one of the house's provider."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.facts.acquisitions import Acquisition
from flake8_dbsession.fixes.base import Fix, Refusal
from flake8_dbsession.fixes.behaviour import doubts_about
from flake8_dbsession.fixes.document import Document
from flake8_dbsession.fixes.provision import need_of, provision_for
from flake8_dbsession.fixes.request_session import fix_request_block, uses_request


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
    need = need_of(acquisition, document)
    if uses_request(document):
        return fix_request_block(need, block, document)
    provision = provision_for(need, document)
    if provision.is_async != isinstance(block, ast.AsyncWith):
        raise Refusal("the block is of the other kind")
    doubts = provision.doubts
    if not _begins(call):
        doubts = doubts_about(need.name, block.body, need.scope, provision, document)
    elif not provision.commits:
        raise Refusal(f"`{provision.name}` would not commit")
    elif _ends_by_hand(block, need.name):
        doubts = (*doubts, "`begin()` lets nothing more be done after a commit by hand")
    edits = (document.replace(call, provision.call), *provision.edits)
    return Fix(edits, doubts, document.names_in(call))


def _ends_by_hand(block: ast.With | ast.AsyncWith, name: str) -> bool:
    """Tell whether a block commits, rolls back or closes what its head began."""
    methods = (f"{name}.{method}" for method in ("commit", "rollback", "close"))
    written = {ast.unparse(n) for n in ast.walk(block) if isinstance(n, ast.Attribute)}
    return not written.isdisjoint(methods)


def _begins(call: ast.Call) -> bool:
    """Tell whether a block is that of ``SessionLocal.begin()``, which commits."""
    return isinstance(call.func, ast.Attribute) and call.func.attr == "begin"
