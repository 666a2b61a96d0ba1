"""A connection that a function opens and closes by hand becomes a ``with`` block.

The block closes what a ``finally`` or the last statement closed. Where nothing did, it ends with
the last statement that uses the connection, or what reads from it.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import takewhile

import libcst as cst

from flake8_dbsession.analysis.effects.work.forms import is_stored
from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition, Holder
from flake8_dbsession.analysis.facts.lifetime.endings import Ending
from flake8_dbsession.analysis.lifetimes.model import Closing
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.fixes.blocks.cursors import Cursors
from flake8_dbsession.fixes.blocks.entered_connection import (
    Entered,
    by_own_block,
    entered_for,
    own_block_of,
)
from flake8_dbsession.fixes.blocks.new_block import annotation_notes, tail_doubt
from flake8_dbsession.fixes.doubts.fresh import refuse_borrowed
from flake8_dbsession.fixes.doubts.provider import only_tells
from flake8_dbsession.rewriting.closes import (
    closes_early,
    is_call_on,
    mentions,
    without_closes,
    without_tail,
)
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Fix, Kind, Refusal
from flake8_dbsession.rewriting.guarded import guarded
from flake8_dbsession.rewriting.places import place_of, refuse_optional
from flake8_dbsession.rewriting.region import Region, Statement, parted

CONNECTION = frozenset({Kind.COMMENT, Kind.COMMIT, Kind.ERROR_PATH, Kind.PATCHED})
"""The kinds of doubt about the rewrite of a connection's whole life."""


def fix_connection(acquisition: Acquisition, document: Document) -> Fix:
    """Put a block that closes around what works with a connection.

    Args:
        acquisition: what opens the connection.
        document: the file.

    Returns:
        The fix.

    Raises:
        Refusal: it is no connection of a function's own, or its life is not as plain as it has to
            be.
    """
    if acquisition.holder not in (Holder.LOCAL, Holder.MAIN):
        raise Refusal(f"it is held by {acquisition.holder.words}, not by a local name")
    refuse_optional(acquisition, document)
    refuse_borrowed(acquisition, document)
    _refuse_unclear_end(acquisition, document)
    place = place_of(acquisition.node, document.tree)
    if not _is_plain(place.statement, acquisition.node):
        raise Refusal("it is opened as a part of another expression")
    name = acquisition.name
    statements = _statements_of(acquisition, place.after, document.context.file.inference)
    _refuse_tricks(name, statements)
    _refuse_handlers(acquisition, [place.statement, *statements], document)
    if acquisition.known.is_async:
        raise Refusal("`closing` cannot close an asynchronous connection")
    entered = entered_for(acquisition, document, committed=False)
    fix = _rewritten(entered, place.statement, statements, name, acquisition.scope, document)
    if not (entered.call and fix.doubts):
        return fix
    own = own_block_of(acquisition, document, committed=False)
    other = _rewritten(own, place.statement, statements, name, acquisition.scope, document)
    return replace(fix, instead=by_own_block(other, entered))


def _rewritten(
    entered: Entered,
    opening: ast.stmt,
    statements: Sequence[ast.stmt],
    name: str,
    scope: Scope,
    document: Document,
) -> Fix:
    """Put a block around the statements from the one after the opening to the close."""
    region = Region([opening, *statements], document)
    assignment, *rest = region.statements
    assert isinstance(assignment, cst.SimpleStatementLine)
    *first, last = rest
    inference = document.context.file.inference
    last, tail = without_tail(last, name, partial(only_tells, scope=scope, inference=inference))
    body = without_closes([*first, last], name)
    if not body:
        raise Refusal("its block does not use it")
    item = cst.WithItem(_entered(assignment, entered), cst.AsName(cst.Name(name)))
    block = cst.With(
        items=[item],
        body=cst.IndentedBlock(
            parted(body)[1],
            header=assignment.trailing_whitespace,
            indent=region.indent,
        ),
        leading_lines=assignment.leading_lines,
    )
    block = _joined(block, name)
    new: Statement = guarded([block], tail, region.indent) if tail else block
    kept = region.keeping([new])
    edits = (*region.rewritten(kept), *entered.edits)
    doubts = (*entered.doubts, *region.losses(kept))
    doubts += (tail_doubt(statements[-1]),) if tail else ()
    unneeded = document.names_in(opening) if entered.call else frozenset()
    notes = annotation_notes(opening, document)
    return Fix(edits, doubts, unneeded, notes, entered.swap)


def _joined(block: cst.With, name: str) -> cst.With:
    """Give a block and the one right in it, which is the connection's own, as one of both."""
    match block.body:
        case cst.IndentedBlock(
            body=[cst.With(items=[cst.WithItem(item=cst.Name(value=own), asname=None)]) as inner],
            header=cst.TrailingWhitespace(comment=None),
        ) if own == name and not inner.leading_lines and inner.asynchronous is None:
            items = [cst.WithItem(item=each.item, asname=each.asname) for each in block.items]
            return block.with_changes(items=[*items, cst.WithItem(cst.Name(name))], body=inner.body)
    return block


def _refuse_unclear_end(acquisition: Acquisition, document: Document) -> None:
    endings = document.context.file.facts(Ending)
    ending = next((e for e in endings if e.acquisition.node is acquisition.node), None)
    if ending is None:
        raise Refusal("it is not plain who closes it")
    life = ending.lifetime
    if life.hand_ons:
        raise Refusal("it is handed on")
    if life.uses_after_close:
        raise Refusal("it is used after its close")
    if ending.is_pooled or any(close.how is not Closing.BY_HAND for close in life.closes):
        raise Refusal("something else closes it")


def _is_plain(statement: ast.stmt, call: ast.Call) -> bool:
    match statement:
        case (
            ast.Assign(targets=[ast.Name()], value=value)
            | ast.AnnAssign(target=ast.Name(), value=value)
        ):
            return value is call
    return False


def _statements_of(
    acquisition: Acquisition, rest: list[ast.stmt], inference: Inference
) -> list[ast.stmt]:
    """Give the statements from the opening to the close, or else to the last use."""
    name = acquisition.name
    last = next((i for i, statement in enumerate(rest) if _closes(statement, name)), None)
    if last is not None:
        statements = rest[: last + 1]
        if closes_early(statements, name):
            raise Refusal("it is closed before the work is done")
        return statements + _closed_beside(statements, rest[last + 1 :])
    live = Cursors(name, rest, acquisition.scope, inference).names
    using = [i for i, statement in enumerate(rest) if any(mentions(statement, n) for n in live)]
    if not using:
        raise Refusal("its block does not use it")
    statements = rest[: using[-1] + 1]
    cursors = Cursors(name, statements, acquisition.scope, inference)
    if closes_early(statements, name) or cursors.used_after():
        raise Refusal("what reads from it may be used elsewhere")
    return statements


def _closed_beside(statements: list[ast.stmt], rest: list[ast.stmt]) -> list[ast.stmt]:
    """Give the statements right below that close what was opened later: it ends in the block."""
    nodes = [node for statement in statements for node in (statement, *own_nodes(statement))]
    names = {node.id for node in nodes if isinstance(node, ast.Name) and is_stored(node)}
    return [*takewhile(lambda s: any(is_call_on(s, name, "close") for name in names), rest)]


def _closes(statement: ast.stmt, name: str) -> bool:
    """Tell whether a statement closes a connection, whatever happens in it."""
    finals = getattr(statement, "finalbody", ())
    inner = [part for final in finals for part in (final, *getattr(final, "body", ()))]
    return any(is_call_on(part, name, "close") for part in (statement, *inner))


def _refuse_tricks(name: str, statements: Sequence[ast.stmt]) -> None:
    for statement in statements:
        for node in (statement, *own_nodes(statement)):
            if (
                isinstance(node, ast.Name)
                and node.id == name
                and not isinstance(node.ctx, ast.Load)
            ):
                raise Refusal(f"line {node.lineno} binds `{name}` anew")
            if any(_leaves(part) for part in getattr(node, "finalbody", ())):
                raise Refusal("a `finally` leaves by itself, and swallows errors")


def _refuse_handlers(
    acquisition: Acquisition, statements: Sequence[ast.stmt], document: Document
) -> None:
    """Leave a connection that is needed where an error of the work with it leads."""
    file = document.context.file
    around = [each for each in file.tree.ancestors(statements[0]) if isinstance(each, ast.Try)]
    parts = [part for each in around for part in (*each.handlers, *each.finalbody)]
    handling = {node for part in parts for node in ast.walk(part)}
    cursors = Cursors(acquisition.name, statements, acquisition.scope, file.inference)
    read = next((node for node in cursors.read_outside() if node in handling), None)
    if read is not None:
        raise Refusal(f"line {read.lineno} uses `{read.id}` too")


def _leaves(statement: ast.stmt) -> bool:
    jumps = (ast.Return, ast.Break, ast.Continue)
    return any(isinstance(part, jumps) for part in (statement, *own_nodes(statement)))


def _entered(assignment: cst.SimpleStatementLine, entered: Entered) -> cst.BaseExpression:
    if entered.call:
        return cst.parse_expression(entered.call)
    opening = assignment.body[0]
    assert isinstance(opening, (cst.Assign, cst.AnnAssign))
    assert opening.value is not None
    if not entered.around:
        return opening.value
    return cst.Call(cst.parse_expression(entered.around), [cst.Arg(opening.value)])
