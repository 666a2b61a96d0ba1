"""Statements put into a ``try``, with others in its ``finally``."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from flake8_dbsession.analysis.names.values import RoleValue
from flake8_dbsession.rewriting.region import Statement


def guarded(statements: Sequence[Statement], ends: Sequence[Statement], indent: str) -> cst.Try:
    """Put statements into a ``try``.

    Args:
        statements: what is tried; the comments above the first come to stand above the ``try``.
        ends: what is done in the ``finally``; the blank lines above go.
        indent: what a block is indented by.
    """
    first, *rest = statements
    end, *others = ends
    comments = [line for line in end.leading_lines if line.comment is not None]
    return cst.Try(
        body=cst.IndentedBlock([first.with_changes(leading_lines=()), *rest], indent=indent),
        finalbody=cst.Finally(
            cst.IndentedBlock([end.with_changes(leading_lines=comments), *others], indent=indent)
        ),
        leading_lines=first.leading_lines,
    )


def closing_call(name: str, known: RoleValue) -> cst.SimpleStatementLine:
    """Write the statement that closes what a name holds."""
    call: cst.BaseExpression = cst.Call(cst.Attribute(cst.Name(name), cst.Name("close")))
    return cst.SimpleStatementLine([cst.Expr(cst.Await(call) if known.is_async else call)])
