"""A session that is given or opened by hand becomes a block that closes only what it opened."""

from __future__ import annotations

import ast
from dataclasses import replace

import libcst as cst

from flake8_dbsession.analysis.effects.work.block import Block
from flake8_dbsession.analysis.effects.work.loaded import Objects
from flake8_dbsession.analysis.facts.acquisition.given_or_own import (
    IMPORTS,
    GivenOrOwn,
    is_apart,
)
from flake8_dbsession.analysis.nodes import is_name, own_nodes
from flake8_dbsession.fixes.blocks.new_block import handlers_need, refuse_tricks
from flake8_dbsession.fixes.blocks.opening import (
    opens_quietly,
    opens_quietly_by_hand,
    swap_of,
    taken_away,
)
from flake8_dbsession.fixes.blocks.provision import Need, Provision, provision_for
from flake8_dbsession.fixes.doubts.behaviour import doubts_about, lends
from flake8_dbsession.fixes.fallback import doubting_fallback
from flake8_dbsession.rewriting.closes import (
    block_of,
    closes_early,
    keeps_ends,
    mentions,
    names_any,
)
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Fix, Refusal
from flake8_dbsession.rewriting.imports import reach_module
from flake8_dbsession.rewriting.region import Region, Statement, in_place_of


def fix_shared(
    shared: GivenOrOwn, need: Need, document: Document, provision: Provision | None
) -> Fix:
    """Put a block around the work that gives the session back which is given, and closes its own.

    Args:
        shared: what chooses the session, and closes it where it was opened.
        need: what is opened where none is given.
        document: the file.
        provision: what to enter for that; None for the house's own.

    Raises:
        Refusal: the session or its flag is used elsewhere, or nothing is done with it.
    """
    around = _around(shared)
    _refuse_other_uses(shared, need)
    parts = (*around.body, *around.handlers, *around.orelse)
    if not any(mentions(part, need.name) for part in parts):
        return _without_choice(shared, need, document)
    at_top = any(isinstance(n, IMPORTS) for part in shared.head for n in ast.walk(part))
    provision = provision or provision_for(need, document, at_top=at_top)
    provision = doubting_fallback(provision)
    if at_top and need.scope.bindings(provision.root):
        raise Refusal(f"`{provision.name}` is bound in the function")
    reach = reach_module("contextlib", "nullcontext", need.scope, document)
    region = Region([*shared.head, around], document)
    *head, old = region.statements
    assert isinstance(old, cst.Try)
    is_tried = _stands_in_try(old, shared, need, provision, document)
    body = around.body if is_tried else [around]
    kept = [new for part, new in zip(shared.head, head, strict=True) if _stays(part, shared, need)]
    call = shared.entered(provision.call, reach.expression)
    work = block_of(old.body)
    if old.handlers and not is_tried:
        work = [old.with_changes(finalbody=None)]
    block: Statement = _block(call, need.name, work, region.indent, is_async=provision.is_async)
    if is_tried:
        block = old.with_changes(body=old.body.with_changes(body=[block]), finalbody=None)
    above = in_place_of(head[0], kept or [block])
    statements = region.keeping([*above, block] if kept else above)
    doubts = doubts_about(need.name, body, need.scope, provision, document, closes_stay=False)
    doubts += region.losses(statements)
    is_used = names_any(statements, provision.root)
    edits = (*region.rewritten(statements), *reach.edits, *(provision.edits if is_used else ()))
    unneeded = frozenset().union(*map(document.names_in, shared.head))
    is_lent = lends(need.name, body, need.scope, provision, document)
    swap = swap_of(
        need,
        provision,
        document,
        enters=False,
        lends=is_lent,
        stays=not is_tried,
        only_closes=keeps_ends(region.statements, statements, need.name),
    )
    return Fix(edits, doubts, unneeded, swap=swap and replace(swap, is_at_top=at_top))


def _around(shared: GivenOrOwn) -> ast.Try:
    assert shared.around is not None  # what nothing closes has another fix
    return shared.around


def _stands_in_try(
    old: cst.Try, shared: GivenOrOwn, need: Need, provision: Provision, document: Document
) -> bool:
    """Tell whether the block can stand in the ``try``, whose handlers then get all its errors."""
    if not old.handlers or not opens_quietly(need, provision, document):
        return False
    block = Block(_around(shared).body, need.scope, document.context.file.inference)
    objects = Objects(need.name, block)
    kept = old.with_changes(finalbody=None)
    return not handlers_need(kept, objects) and not _may_be_made(shared.given, document)


def _without_choice(shared: GivenOrOwn, need: Need, document: Document) -> Fix:
    """Take away the choice of a session that nothing uses, and its close."""
    if not opens_quietly_by_hand(need, document) or _may_be_made(shared.given, document):
        raise Refusal("its block does not use it")
    region = Region([*shared.head, _around(shared)], document)
    *head, old = region.statements
    assert isinstance(old, cst.Try)
    work = [old.with_changes(finalbody=None)] if old.handlers else block_of(old.body)
    kept = [new for part, new in zip(shared.head, head, strict=True) if _stays(part, shared, need)]
    statements = region.keeping(in_place_of(head[0], [*kept, *work]))
    unneeded = frozenset().union(*map(document.names_in, shared.head))
    edits, swap = region.rewritten(statements), taken_away(need, document)
    return Fix(edits, region.losses(statements), unneeded, swap=swap)


def _may_be_made(given: ast.expr, document: Document) -> bool:
    """Tell whether a property may give what is given, which can fail."""
    attributes = {n.attr for n in ast.walk(given) if isinstance(n, ast.Attribute)}
    defined = (n for n in ast.walk(document.tree) if isinstance(n, ast.FunctionDef))
    return any(function.name in attributes for function in defined)


def _block(call: str, name: str, body: list[Statement], indent: str, *, is_async: bool) -> cst.With:
    first, *rest = body
    item = cst.WithItem(cst.parse_expression(call), cst.AsName(cst.Name(name)))
    comments = [line for line in first.leading_lines if line.comment is not None]
    block = cst.IndentedBlock([first.with_changes(leading_lines=comments), *rest], indent=indent)
    asynchronous = cst.Asynchronous() if is_async else None
    return cst.With([item], block, asynchronous=asynchronous)


def _refuse_other_uses(shared: GivenOrOwn, need: Need) -> None:
    """Leave a session alone whose name has a value of it outside of its statements."""
    name, around = need.name, _around(shared)
    first, last = shared.head[0].lineno, around.end_lineno or 0
    function = need.scope.function() or need.scope.module.scope
    for node in ast.walk(function.node):
        if isinstance(node, ast.Name) and node.id == name:
            is_inside = first <= node.lineno <= last
            is_loaded = isinstance(node.ctx, ast.Load)
            if not is_inside and not (is_loaded and node.lineno < first):
                raise Refusal(f"line {node.lineno} uses `{name}` too")
            if around.lineno <= node.lineno <= last and not is_loaded:
                raise Refusal(f"line {node.lineno} binds `{name}` anew")
    body = [*around.body, *around.orelse, *(s for h in around.handlers for s in h.body)]
    if closes_early(body, name, is_last=False) or any(_closes(part, name) for part in body):
        raise Refusal("it is closed before the work is done")
    for part in (around, *own_nodes(around)):
        refuse_tricks(part, name)


def _closes(statement: ast.stmt, name: str) -> bool:
    nodes = (node for node in ast.walk(statement) if isinstance(node, ast.Attribute))
    return any(node.attr == "close" and is_name(node.value, name) for node in nodes)


def _stays(statement: ast.stmt, shared: GivenOrOwn, need: Need) -> bool:
    """Tell whether a statement that chooses is needed for more than the choice."""
    if is_apart(statement, need.name):
        return True
    bound = {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    imports = (node for node in ast.walk(statement) if isinstance(node, IMPORTS))
    bound |= {alias.asname or alias.name for each in imports for alias in each.names}
    flags = bound - {need.name}
    function = need.scope.function() or need.scope.module.scope
    inside = {node for part in shared.head for node in ast.walk(part)}
    inside.update(node for part in _around(shared).finalbody for node in ast.walk(part))
    reads = (n for n in ast.walk(function.node) if isinstance(n, ast.Name) and n.id in flags)
    is_read = any(node not in inside for node in reads)
    if is_read and need.name in bound:
        raise Refusal(f"`{', '.join(sorted(flags))}` is read elsewhere, too")
    return is_read
