"""A session that is opened within the ``try`` whose ``finally`` closes it becomes a block there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

import libcst as cst

from flake8_dbsession.analysis.effects.work.block import Block
from flake8_dbsession.analysis.effects.work.loaded import Objects
from flake8_dbsession.analysis.nodes import is_name, own_nodes
from flake8_dbsession.fixes.blocks.new_block import (
    NewBlock,
    annotation_notes,
    closes,
    early_doubt,
    handlers_need,
    refuse_tricks,
)
from flake8_dbsession.fixes.blocks.opening import opens_quietly, swap_of
from flake8_dbsession.fixes.blocks.provision import Need, Provision, provision_for
from flake8_dbsession.fixes.blocks.request_session import uses_request
from flake8_dbsession.fixes.doubts.behaviour import CLOSES, Ends, doubts_about, lends
from flake8_dbsession.fixes.doubts.provider import only_tells
from flake8_dbsession.fixes.doubts.quieted import about_quieted_close
from flake8_dbsession.fixes.fallback import doubting_fallback
from flake8_dbsession.rewriting.closes import (
    block_of,
    closes_early,
    keeps_ends,
    leaves_commit,
    without_closes,
    without_rollbacks,
    without_tail,
)
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Edit, Fix, Refusal
from flake8_dbsession.rewriting.guarded import guarded
from flake8_dbsession.rewriting.places import place_of
from flake8_dbsession.rewriting.region import Region, Statement, in_place_of


def try_around(assignment: ast.stmt, name: str, document: Document) -> ast.Try | None:
    """Give the ``try`` that a session is opened in and closed by; None for any other place."""
    parent = document.context.file.tree.parent(assignment)
    if isinstance(parent, ast.Try) and assignment in parent.body and closes(parent, name):
        return parent
    return None


def fix_in_try(
    need: Need,
    assignment: ast.stmt,
    around: ast.Try,
    document: Document,
    provision: Provision | None,
    ends: Ends,
    *,
    keeps: bool = False,
) -> Fix:
    """Put a block of the house's provider into the ``try``.

    Args:
        need: what is assigned to a name.
        assignment: the statement that does it.
        around: the ``try``.
        document: the file.
        provision: what to use instead; None for the house's own.
        ends: how the code ends the session.
        keeps: whether all commits and rollbacks are left to the code.

    Raises:
        Refusal: the session's life is not as plain as it has to be.
    """
    if provision is None and uses_request(document):
        raise Refusal("the `try` around its opening closes it")
    again = partial(fix_in_try, need, assignment, around, document, provision, ends, keeps=True)
    none = _none_before(need.name, around, document)
    _refuse_other_uses(need, assignment, around, none)
    provision = doubting_fallback(provision or provision_for(need, document, injects=True))
    region = Region([around], document)
    inference = document.context.file.inference
    objects = Objects(need.name, Block(around.body, need.scope, inference))
    is_quiet = opens_quietly(need, provision, document)
    body: list[ast.stmt] = [around]
    if provision.is_injected:
        statements = _injected(need, assignment, around, provision, region)
    else:
        entered = provision.leaving_ends if keeps else provision
        statements, body = _rewritten(need, assignment, around, entered, region, objects, is_quiet)
    doubts = doubts_about(
        need.name, body, need.scope, provision, document, closes_stay=False, ends=ends
    )
    if provision.is_injected and not is_quiet:
        doubts += (early_doubt(provision),)
    statements = region.keeping(statements)
    doubts += region.losses(statements)
    whole = around if body == [around] else None
    doubts += (*about_quieted_close(need.call, need.name, need.scope, whole),)
    edits = [*region.rewritten(statements), *provision.edits]
    notes = annotation_notes(assignment, document)
    unneeded = document.names_in(assignment) | document.names_caught([around])
    edit = _without(none, document) if none is not None else None
    if none is not None and edit is not None:
        edits.append(edit)
        unneeded |= document.names_in(none)
    elif none is not None and provision.is_injected:
        raise Refusal(f"line {none.lineno} binds `{need.name}` anew")
    is_kept = keeps_ends(region.statements, statements, need.name)
    swap = swap_of(
        need,
        provision,
        document,
        enters=False,
        lends=lends(need.name, body, need.scope, provision, document),
        stays=body != [around] or not around.handlers,
        counts=leaves_commit(region.statements, statements, need.name),
        only_closes=is_kept and ends == CLOSES,
    )
    keeping = None if is_kept or ends != CLOSES else again
    return Fix(tuple(edits), doubts, unneeded, notes, swap, keeping=keeping)


def _rewritten(
    need: Need,
    assignment: ast.stmt,
    around: ast.Try,
    provision: Provision,
    region: Region,
    objects: Objects,
    is_quiet: bool,
) -> tuple[list[Statement], list[ast.stmt]]:
    """Rewrite the ``try``.

    Returns:
        What takes its place, and the statements of the syntax tree that come to stand in the block.
    """
    (old,) = region.statements
    assert isinstance(old, cst.Try)
    index = around.body.index(assignment)
    first = block_of(old.body)
    opening = first.pop(index)
    block = NewBlock(need.name, provision, opening, region.indent)
    bare = old.with_changes(body=old.body.with_changes(body=first))
    cleaned = without_closes([bare], need.name, rolls_back=provision.rolls_back)
    body = around.body[index + 1 :]
    if not (_is_still(bare, cleaned) and isinstance(cleaned[0], cst.Try)):
        return [*cleaned[:index], *block.around_work(cleaned[index:], body, objects)], body
    kept = cleaned[0]
    handled = without_rollbacks(kept, need.name) if provision.rolls_back else kept
    if not handlers_need(handled, objects):
        inner = block_of(handled.body)
        new = block.around_work(inner[index:], body, objects)
        suite = handled.body.with_changes(body=[*inner[:index], *new])
        return [handled.with_changes(body=suite)], body
    if index:
        raise Refusal("a handler needs the session, which is opened late")
    if kept.handlers and not is_quiet:
        raise Refusal("a handler needs the session, and is for errors of its opening, too")
    callees = objects.callees
    tells = partial(only_tells, scope=callees.scope, inference=callees.inference)
    shorter, tail = without_tail(bare, need.name, tells)
    statements = without_closes([shorter], need.name, rolls_back=provision.rolls_back)
    if tail:
        return [guarded([block.around(statements)], tail, region.indent)], [around]
    return [block.around(statements)], [around]


def _injected(
    need: Need, assignment: ast.stmt, around: ast.Try, provision: Provision, region: Region
) -> list[Statement]:
    """Leave what was done with a session to be done with a parameter."""
    (old,) = region.statements
    assert isinstance(old, cst.Try)
    index = around.body.index(assignment)
    first = block_of(old.body)
    first[index : index + 2] = in_place_of(first[index], first[index + 1 : index + 2])
    bare = old.with_changes(body=old.body.with_changes(body=first))
    return without_closes([bare], need.name, rolls_back=provision.rolls_back)


def _is_still(old: cst.Try, new: list[Statement]) -> bool:
    """Tell whether a ``try`` is still one after its closes went."""
    return (
        len(new) == 1 and isinstance(new[0], cst.Try) and len(new[0].handlers) == len(old.handlers)
    )


def _none_before(name: str, around: ast.Try, document: Document) -> ast.stmt | None:
    """Give the ``name = None`` above the ``try``."""
    block = place_of(around, document.tree).block
    for statement in reversed(block[: block.index(around)]):
        match statement:
            case (
                ast.Assign(targets=[target], value=ast.Constant(value=None))
                | ast.AnnAssign(target=target, value=ast.Constant(value=None))
            ) if is_name(target, name):
                return statement
    return None


def _refuse_other_uses(
    need: Need, assignment: ast.stmt, around: ast.Try, none: ast.stmt | None
) -> None:
    """Leave a session alone whose name is used outside of the ``try``, or bound twice in it."""
    name = need.name
    body = around.body[around.body.index(assignment) + 1 :]
    if not body:
        raise Refusal("its block does not use it")
    if closes_early(body, name):
        raise Refusal("it is closed before the work is done")
    function = need.scope.function() or need.scope.module.scope
    start = none.lineno if none is not None else 0
    for node in _named(function.node, name):
        is_inside = around.lineno <= node.lineno <= (around.end_lineno or 0)
        is_loaded = isinstance(node.ctx, ast.Load)
        if is_inside and not is_loaded and node.lineno != assignment.lineno:
            raise Refusal(f"line {node.lineno} binds `{name}` anew")
        if is_inside and is_loaded and node.lineno < assignment.lineno:
            raise Refusal(f"line {node.lineno} uses `{name}` too")
        if not is_inside and node.lineno > start and _may_see(node, function.node, around, name):
            raise Refusal(f"line {node.lineno} uses `{name}` too")
    for part in (around, *own_nodes(around)):
        refuse_tricks(part, name)


def _may_see(node: ast.Name, function: ast.AST, around: ast.Try, name: str) -> bool:
    """Tell whether a name outside of a ``try`` may have a value from inside of it."""
    if node.lineno < around.lineno:
        return True
    later = [n.lineno for n in _named(function, name) if n.lineno > (around.end_lineno or 0)]
    bound = [n for n in _named(function, name) if n.lineno == min(later)]
    return any(isinstance(n.ctx, ast.Load) for n in bound)


def _named(node: ast.AST, name: str) -> Iterator[ast.Name]:
    return (n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == name)


def _without(statement: ast.stmt, document: Document) -> Edit | None:
    """Take a statement's lines away, and the blank ones below where it begins its block."""
    start = document.offset(statement.lineno, 0)
    last = statement.end_lineno or 0
    end = document.line_end(last)
    if not document.stands_alone(statement, statement) or document.has_comment(start, end):
        return None
    if place_of(statement, document.tree).block[0] is statement:
        while not document.lines[last].strip():
            last += 1
    return Edit(start, document.line_end(last), "")
