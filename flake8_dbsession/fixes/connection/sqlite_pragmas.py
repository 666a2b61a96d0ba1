"""DBS606: the required pragmas are executed where an owner opens the connection."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Doubt, Edit, Fix, Kind, Refusal
from flake8_dbsession.rewriting.places import place_of, refuse_without_await
from flake8_dbsession.rules.connection.sqlite_pragmas import lacking_pragmas


@register
class ExecuteThePragmas(Fixer[Acquisition]):
    """Puts the missing pragmas right after the opening."""

    code = "DBS606"

    def fix(self, fact: Acquisition, document: Document) -> Fix:
        """Execute each of them."""
        lacking = lacking_pragmas(fact, document.context)
        assert lacking is not None
        if not document.context.may_open(fact.scope, fact.known):
            raise Refusal("only the modules that own the connections set pragmas")
        if not fact.name.isidentifier():
            raise Refusal("no name holds the connection")
        if fact.known.is_async:
            refuse_without_await(fact.node, document)
        at, indent = _after_opening(fact, document)
        prefix = "await " if fact.known.is_async else ""
        lines = [
            f'{indent}{prefix}{fact.name}.execute("PRAGMA {pragma}"){document.newline}'
            for pragma in lacking.pragmas
        ]
        doubt = f"SQLite does other things under `{'`, `'.join(lacking.pragmas)}`"
        return Fix((Edit(at, at, "".join(lines)),), (Doubt(Kind.OTHER, doubt),))


def _after_opening(fact: Acquisition, document: Document) -> tuple[int, str]:
    """Give where the connection is open and was not used yet, and the indentation there."""
    statement = place_of(fact.node, document.tree).statement
    match statement:
        case ast.With(items=items, body=[first, *_]) | ast.AsyncWith(items=items, body=[first, *_]):
            if fact.target is items[-1] and document.stands_alone(first, first):
                return document.offset(first.lineno, 0), _indent(first, document)
        case ast.Assign() | ast.AnnAssign() if document.stands_alone(statement, statement):
            return document.line_end(statement.end_lineno or 0), _indent(statement, document)
    raise Refusal("the opening is a part of another statement")


def _indent(statement: ast.stmt, document: Document) -> str:
    return document.text[document.offset(statement.lineno, 0) : document.span(statement)[0]]
