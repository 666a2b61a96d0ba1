"""A session by hand in a layer whose sessions belong to the request: taken, and not closed."""

from __future__ import annotations

import ast
from collections.abc import Sequence

import libcst as cst

from flake8_dbsession.fixes.blocks.provision import Need, reach_way
from flake8_dbsession.policy.model import Style
from flake8_dbsession.rewriting.closes import block_of, without_closes
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Doubt, Fix, Kind, Refusal
from flake8_dbsession.rewriting.imports import Reach
from flake8_dbsession.rewriting.region import Region, Statement


def uses_request(document: Document) -> bool:
    """Tell whether the file's layer takes its sessions from the request."""
    layer = document.context.layer
    return bool(layer and layer.use and layer.declared and layer.style is Style.REQUEST)


def fix_request_assignment(need: Need, statements: Sequence[ast.stmt], document: Document) -> Fix:
    """Take the request's session under the same name, and leave its end to the request.

    Args:
        need: what is assigned.
        statements: the assignment, and the statements up to the last close.
        document: the file.
    """
    reach = _reach(need, document)
    region = Region(statements, document)
    old, *others = region.statements
    assert isinstance(old, cst.SimpleStatementLine)
    taken = _assignment(need, reach, old.trailing_whitespace)
    cleaned = [taken, *without_closes(others, need.name, rolls_back=False)]
    return _fix(need, reach, region, cleaned, document)


def fix_request_block(need: Need, block: ast.With | ast.AsyncWith, document: Document) -> Fix:
    """Take the request's session, and let the block's statements stand without the block.

    Args:
        need: what the block opens.
        block: the block.
        document: the file.

    Raises:
        Refusal: the block opens something else besides, or gives the session no name.
    """
    if len(block.items) > 1 or not need.name:
        raise Refusal("the block does not just open a session and give it a name")
    reach = _reach(need, document)
    region = Region([block], document)
    (old,) = region.statements
    assert isinstance(old, cst.With)
    body = without_closes(block_of(old.body), need.name, rolls_back=False)
    assert isinstance(old.body, cst.IndentedBlock)
    taken = _assignment(need, reach, old.body.header)
    return _fix(need, reach, region, [taken, *body], document)


def _reach(need: Need, document: Document) -> Reach:
    way = document.context.house.own(need.place)
    if way is None:
        raise Refusal("what the layer uses cannot be had here")
    return reach_way(way, need, document)


def _assignment(need: Need, reach: Reach, end: cst.TrailingWhitespace) -> cst.SimpleStatementLine:
    statement = cst.parse_statement(f"{need.name} = {reach.expression}()")
    assert isinstance(statement, cst.SimpleStatementLine)
    return statement.with_changes(trailing_whitespace=end)


def _fix(
    need: Need, reach: Reach, region: Region, statements: list[Statement], document: Document
) -> Fix:
    shared = "the request's session is shared, and outside of a request there is none"
    doubts = (Doubt(Kind.OTHER, shared), *region.losses(statements))
    edits = (*region.rewritten(statements), *reach.edits)
    return Fix(edits, doubts, document.names_in(need.call))
