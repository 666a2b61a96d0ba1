"""DBS402: ``Depends(get_db())`` becomes ``Depends(get_db)``."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.facts.framework.injections import Injection
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Edit, Fix, Refusal


@register
class NameTheDependency(Fixer[Injection]):
    """Takes the call away from what a framework is to call."""

    code = "DBS402"

    def fix(self, fact: Injection, document: Document) -> Fix:
        """Name the dependency."""
        call = fact.handed
        assert isinstance(call, ast.Call)
        if call.args or call.keywords:
            raise Refusal("the call has arguments, which the framework would not pass")
        document.refuse_comments(call)
        _, name_end = document.span(call.func)
        _, call_end = document.span(call)
        return Fix((Edit(name_end, call_end, ""),))
