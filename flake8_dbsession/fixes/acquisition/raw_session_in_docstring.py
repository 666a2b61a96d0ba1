"""DBS110: an example in a docstring gets the fix that its code would get."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from flake8_dbsession.analysis.facts.acquisition.docstrings import DocstringExample
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.blocks.new_block import WHOLE_LIFE
from flake8_dbsession.fixes.registry import fixers, register
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Doubt, Fix, Kind, Refusal
from flake8_dbsession.rewriting.example import Example, ExampleDocument
from flake8_dbsession.rewriting.region import lost_comment
from flake8_dbsession.rules.acquisition.raw_session_in_docstring import in_file, taught
from flake8_dbsession.rules.base import Violation
from flake8_dbsession.rules.context import Context


@register
class TeachTheStandard(Fixer[DocstringExample]):
    """Fixes the example, and puts it back into the docstring."""

    code = "DBS110"
    kinds = WHOLE_LIFE

    def fix(self, fact: DocstringExample, document: Document) -> Fix:
        """Rewrite what is reported first of the example."""
        return self.fix_reported(next(_reported(fact, document))[0], fact, document)

    def fix_reported(self, violation: Violation, fact: DocstringExample, document: Document) -> Fix:
        """Rewrite one violation of the example."""
        found = _reported(fact, document)
        shown = next(shown for reported, shown in found if reported == violation)
        example = Example(fact, document)
        old, line, indent = example.as_file(violation.line)
        for inner, taught_by in taught(old.context, is_doctest=example.is_doctest):
            place = (inner.code, inner.line, inner.column)
            if place == (shown.code, line, shown.column + indent):
                return _fix(inner, taught_by, old, example)
        raise Refusal("the example is read otherwise by itself")


def _reported(fact: DocstringExample, document: Document) -> Iterator[tuple[Violation, Violation]]:
    """Give what is reported of an example, with what that is in the example itself."""
    context = document.context
    shown = Context(context.file.shown(fact), context.policy)
    for violation, _ in taught(shown, is_doctest=fact.is_doctest):
        yield in_file(violation, fact), violation


def _fix(violation: Violation, fact: Any, old: ExampleDocument, example: Example) -> Fix:
    """Make the fix of an example's code one of its docstring's."""
    try:
        fix = fixers()[violation.code].fix_reported(violation, fact, old)
    except Refusal as refusal:
        raise Refusal(old.of_file(str(refusal))) from refusal
    new = example.edited(old, fix)
    doubts = _doubts_of_doctest(fix, old, new) if example.is_doctest else _lost(old, new)
    of_file = (replace(doubt, reason=old.of_file(doubt.reason)) for doubt in doubts)
    return Fix((example.put_back(old, new),), tuple(of_file))


def _doubts_of_doctest(fix: Fix, old: ExampleDocument, new: ExampleDocument) -> Iterator[Doubt]:
    """Give the code's own doubts: a doctest runs."""
    yield from fix.doubts
    if any("# doctest:" in line for line in new.lines if line not in old.lines):
        yield Doubt(Kind.OTHER, "a doctest's option would hold for the whole block")
    for name in sorted(new.names_in(new.tree) - old.names_in(old.tree)):
        if not new.top.lookup(name):
            yield Doubt(Kind.OTHER, f"`{name}` is not imported where the doctest runs")


def _lost(old: ExampleDocument, new: ExampleDocument) -> Iterator[Doubt]:
    """Give the only doubt about what never runs: that it says less."""
    for comment in Counter(old.comments) - Counter(new.comments):
        yield lost_comment(comment)
