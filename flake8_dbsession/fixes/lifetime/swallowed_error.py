"""DBS308: a handler that goes on with a failed transaction rolls it back first."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.facts.lifetime.swallowed_errors import SwallowedError
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Doubt, Edit, Fix, Kind, Refusal


@register
class RollBackFirst(Fixer[SwallowedError]):
    """Puts a rollback at the beginning of the handler."""

    code = "DBS308"

    def fix(self, fact: SwallowedError, document: Document) -> Fix:
        """Roll back, where that ends nothing but the work that failed."""
        if fact.undone is not None:
            raise Refusal("a rollback would undo more than what failed; `begin_nested()` would not")
        first = fact.node.body[0]
        line = document.first_line(first)
        if not document.stands_alone(first, first) or line == fact.node.lineno:
            raise Refusal("the handler stands on one line")
        keyword = "await " if fact.is_async else ""
        call = f"{document.indent_of(first)}{keyword}{fact.session}.rollback()"
        at = document.offset(line, 0)
        edit = Edit(at, at, f"{call}{document.newline}")
        if isinstance(first, ast.Pass) and len(fact.node.body) == 1:
            edit = document.replace(first, call.strip())
        reason = "objects that were loaded before the error are expired after a rollback"
        return Fix((edit,), (Doubt(Kind.OTHER, reason),))
