"""DBS601: ``with connect(p) as c`` becomes ``with closing(connect(p)) as c, c``."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import replace

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.facts.lifetime.endings import Ending
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.nodes import dotted_name
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.blocks.cursors import Cursors
from flake8_dbsession.fixes.blocks.entered_connection import (
    Entered,
    by_own_block,
    entered_for,
    own_block_of,
)
from flake8_dbsession.fixes.blocks.opening import entered_itself
from flake8_dbsession.fixes.blocks.provision import plain_need
from flake8_dbsession.fixes.connection.shared_block import shared_edits
from flake8_dbsession.fixes.doubts.fresh import refuse_borrowed
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Doubt, Edit, Fix, Kind, Refusal

_NAMES = ("conn", "connection")


@register
class CloseAsWell(Fixer[Ending]):
    """Enters the connection's block, which commits, inside of one that closes it."""

    code = "DBS601"
    kinds = frozenset({Kind.PATCHED})

    def fix(self, fact: Ending, document: Document) -> Fix:
        """Wrap the connection, and enter it by its name."""
        opened = fact.acquisition
        item, block = opened.target, document.block_of(opened.target)
        if not isinstance(item, ast.withitem) or item.context_expr is not opened.node:
            raise Refusal("the block does not enter the connection itself")
        assert block is not None
        refuse_borrowed(opened, document)
        _refuse_replaced(opened, document)
        name = _name(item, opened.scope.node)
        entered = entered_for(opened, document, committed=True)
        doubts = tuple(_doubts(name, block, opened, document.context.file.inference))
        if not entered.call:
            swap = entered_itself(plain_need(opened, document), document)
            fix = _closed(entered, item, name, opened, document)
            return replace(fix, doubts=doubts, swap=swap)
        start, end = document.span(opened.node)
        edits = (Edit(start, end, entered.call), *entered.edits)
        unneeded = document.names_in(opened.node)
        fix = Fix(edits, (*entered.doubts, *doubts), unneeded, swap=entered.swap)
        if not fix.doubts:
            return fix
        own = own_block_of(opened, document, committed=True)
        other = replace(_closed(own, item, name, opened, document), doubts=doubts)
        return replace(fix, instead=by_own_block(other, entered))


def _refuse_replaced(opened: Acquisition, document: Document) -> None:
    """Leave a block in a test that names its opener in a text, to put something in its place."""
    opener = last_segment(opened.node.func)
    texts = (node.value for node in ast.walk(document.tree) if isinstance(node, ast.Constant))
    names = {text.rpartition(".")[2] for text in texts if isinstance(text, str)}
    if document.context.is_test and opener in names:
        raise Refusal(f"the test may replace `{opener}`")


def _closed(
    entered: Entered, item: ast.withitem, name: str, opened: Acquisition, document: Document
) -> Fix:
    """Put ``closing`` around the connection, and enter the connection after it."""
    edits = shared_edits(opened, document)
    if edits:
        return Fix(edits)
    before = f"{entered.around}("
    closing = [*_enclosed(before, ")", item, name, document)]
    if not _fits(closing, item, opened, document):
        line = f"{document.newline}{document.indent_of(opened.node)}"
        closing = [*_enclosed(f"{before}{line}{document.indent}", f"{line})", item, name, document)]
    return Fix((*closing, *entered.edits))


def _fits(
    edits: Iterable[Edit], item: ast.withitem, opened: Acquisition, document: Document
) -> bool:
    """Tell whether the line that enters something does not become too long by some edits.

    The same happens to what else the line opens by the same call.
    """
    block = document.block_of(item)
    assert block is not None
    call, opener = opened.node, ast.dump(opened.node.func)
    items = [each for each in block.items if each.context_expr.lineno == call.lineno]
    calls = (each.context_expr for each in items)
    alike = [each for each in calls if isinstance(each, ast.Call) and ast.dump(each.func) == opener]
    last = items[-1].optional_vars or items[-1].context_expr
    before = document.span(last)[1] + len(":") - document.offset(call.lineno, 0)
    after = before + len(alike) * sum(len(edit.text) for edit in edits)
    is_long = before > document.width or call.lineno != call.end_lineno
    return after <= document.width or is_long


def _doubts(
    name: str, block: ast.With | ast.AsyncWith, opened: Acquisition, inference: Inference
) -> Iterator[Doubt]:
    if "." in name:
        yield Doubt(Kind.OTHER, f"`{name}` may be used after the block")
        return
    used = Cursors(name, block.body, opened.scope, inference).used_after()
    if used is not None:
        reason = f"line {used.lineno} may need the connection after the block"  # type: ignore[attr-defined]
        yield Doubt(Kind.OTHER, reason)


def _name(item: ast.withitem, around: ast.AST) -> str:
    """Give what the block calls the connection, or a name that is free."""
    if item.optional_vars is None:
        taken = {node.id for node in ast.walk(around) if isinstance(node, ast.Name)}
        free = [name for name in _NAMES if name not in taken]
        if not free:
            raise Refusal("the connection has no name, and those for it are taken")
        return free[0]
    name = dotted_name(item.optional_vars)
    if not name:
        raise Refusal("the block unpacks the connection")
    return name


def _enclosed(
    before: str, behind: str, item: ast.withitem, name: str, document: Document
) -> Iterator[Edit]:
    """Write something around what a block enters, and enter that by its name as well."""
    start, end = document.span(item.context_expr)
    yield Edit(start, start, before)
    if item.optional_vars is None:
        yield Edit(end, end, f"{behind} as {name}, {name}")
        return
    named, after = document.span(item.optional_vars)
    if "(" in document.text[end:named]:
        raise Refusal("brackets stand around the name")
    yield Edit(end, end, behind)
    yield Edit(after, after, f", {name}")
