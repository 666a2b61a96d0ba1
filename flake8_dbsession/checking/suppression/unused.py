"""Which codes of ``# noqa`` comments hide nothing of what is found in a file."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from functools import cache

from flake8.defaults import NOQA_INLINE_REGEXP
from flake8.formatting.base import BaseFormatter
from flake8.style_guide import Decision, StyleGuideManager

from flake8_dbsession.analysis.facts.suppression.unused_noqa import NamedCode, UnusedNoqa
from flake8_dbsession.analysis.file import SourceFile
from flake8_dbsession.checking.suppression.noqa import Span, spans
from flake8_dbsession.patterns import regex
from flake8_dbsession.rules.base import Violation

_OURS = regex(r"DBS\d+")
_CODE = regex(r"[A-Z]+[0-9]+", re.IGNORECASE)


class NoqaComments:
    """The comments of files, as flake8 reads them.

    Args:
        options: flake8's.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._hide_nothing = bool(options.disable_noqa)
        wanted = argparse.Namespace(**vars(options))
        if _selects_tool_codes_only(options):  # who asks for DBS003 alone asks about all the others
            wanted.select = [*options.select, "DBS"]
        self._guides = StyleGuideManager(wanted, BaseFormatter(options))

    def unused(
        self, file: SourceFile, found: Sequence[Violation], codes: frozenset[str]
    ) -> Iterator[UnusedNoqa]:
        """Find the comments with a code that hides nothing.

        A code counts only where each rule that it stands for looked at the file, and flake8 would
        report what it finds.

        Args:
            file: the file.
            found: the violations in it.
            codes: the codes of the rules that looked for them.
        """
        if self._hide_nothing:
            return
        guide = self._guides.style_guide_for(str(file.path))
        looked_for = frozenset(
            code for code in codes if guide.should_report_error(code) is Decision.Selected
        )
        lines = [f"{line}\n" for line in file.module.text.split("\n")]
        for span in spans(lines):
            inside = [each.code for each in found if span.first <= each.line <= span.last]
            comment = _comment(span, lines, inside, looked_for)
            if comment is not None and comment.unused:
                yield comment


def _comment(
    span: Span, lines: Sequence[str], found: Sequence[str], looked_for: frozenset[str]
) -> UnusedNoqa | None:
    """Read the comment of a span; None where it has none that names codes."""
    if span.comment is None:
        return None
    before = sum(map(len, lines[span.first - 1 : span.last - 1]))
    text = "".join(lines[span.first - 1 : span.last])
    noqa = NOQA_INLINE_REGEXP.search(text)
    if noqa is None or not noqa["codes"] or noqa.start() < before + span.comment:
        return None  # flake8 takes what stands in a string for the comment
    codes = tuple(
        NamedCode(each[0], each.start() - before, _is_unused(each[0], found, looked_for))
        for each in _CODE.finditer(text, noqa.start("codes"), noqa.end("codes"))
    )
    line = lines[span.last - 1].rstrip("\n")
    return UnusedNoqa(span.last, line, noqa.start() - before, codes[-1].end, codes)


def _selects_tool_codes_only(options: argparse.Namespace) -> bool:
    chosen = [code for code in options.select or () if code.startswith("DBS")]
    return bool(chosen) and all(code.startswith("DBS0") for code in chosen)


def _is_unused(code: str, found: Sequence[str], looked_for: frozenset[str]) -> bool:
    if not _OURS.fullmatch(code) or any(each.startswith(code) for each in found):
        return False
    return _meant(code) <= looked_for


@cache
def _meant(beginning: str) -> frozenset[str]:
    """Give the codes that begin so; none where nothing does, which hides nothing anywhere."""
    from flake8_dbsession.rules.pages import known_codes

    return frozenset(code for code in known_codes().values() if code.startswith(beginning))
