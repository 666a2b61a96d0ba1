"""Statements put into a ``try``, with others in its ``finally``."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from flake8_dbsession.fixes.region import Statement


def guarded(statements: Sequence[Statement], ends: Sequence[Statement]) -> cst.Try:
    """Put statements into a ``try``.

    Args:
        statements: what is tried; the comments above the first come to stand above the ``try``.
        ends: what is done in the ``finally``; the blank lines above go.
    """
    first, *rest = statements
    end, *others = ends
    comments = [line for line in end.leading_lines if line.comment is not None]
    return cst.Try(
        body=cst.IndentedBlock([first.with_changes(leading_lines=()), *rest]),
        finalbody=cst.Finally(
            cst.IndentedBlock([end.with_changes(leading_lines=comments), *others])
        ),
        leading_lines=first.leading_lines,
    )
