"""DBS003: codes that hide nothing go out of their ``# noqa`` comment."""

from __future__ import annotations

from flake8_dbsession.analysis.facts.suppression.unused_noqa import UnusedNoqa
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Edit, Fix


@register
class RemoveUnusedCodes(Fixer[UnusedNoqa]):
    """Takes the codes out of the comment, and what is left of it where none remains."""

    code = "DBS003"

    def fix(self, fact: UnusedNoqa, document: Document) -> Fix:
        """Find the part of the line that goes."""
        line = document.offset(fact.line, 0)
        start, end, text = _without_codes(fact)
        if not start and not text and end == len(fact.text):
            end = document.line_end(fact.line) - line  # nothing else is on its line
        return Fix((Edit(line + start, line + end, text),))


def _without_codes(fact: UnusedNoqa) -> tuple[int, int, str]:
    """Give what of a line is replaced, and by what."""
    kept = [place for place, code in enumerate(fact.codes) if not code.is_unused]
    if kept:
        codes = fact.codes
        before = (fact.text[codes[at - 1].end : codes[at].start] for at in kept[1:])
        texts = [codes[at].text for at in kept]
        joined = texts[0] + "".join(map("".join, zip(before, texts[1:], strict=True)))
        return codes[0].start, codes[-1].end, joined
    end = fact.end
    rest = fact.text[end:]
    end += len(rest) - len(rest.lstrip(" \t,"))
    if not fact.text[end:].strip():  # nothing follows: the spaces before go too
        return len(fact.text[: fact.start].rstrip()), len(fact.text), ""
    return fact.start, end, "" if fact.text[end] == "#" else "# "
