"""Findings as text: flake8's lines, and on a terminal the code that each is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from flake8_dbsession.checking.findings import Finding, text_of
from flake8_dbsession.escaping import line_of, visible
from flake8_dbsession.terminals import wants_colour

_BOLD, _CYAN, _RED = "1", "36", "1;31"


def write(
    findings: Sequence[Finding],
    stream: TextIO,
    *,
    show_source: bool | None = None,
    color: bool | None = None,
) -> None:
    """Write findings as flake8 does.

    Args:
        findings: what to write.
        stream: where to.
        show_source: whether the line of code follows, with a mark below it; None: on a terminal.
        color: whether it is in colour; None: as NO_COLOR or FORCE_COLOR says, else on a terminal.
    """
    is_coloured = wants_colour(stream) if color is None else color
    shows_source = stream.isatty() if show_source is None else show_source
    for finding in findings:
        stream.write(_coloured(finding) if is_coloured else text_of([finding]))
        if shows_source and finding.source:
            stream.write(_source(finding, is_coloured=is_coloured))


def _coloured(finding: Finding) -> str:
    colon = _styled(":", _CYAN)
    path = _styled(line_of(finding.path), _BOLD)
    place = colon.join((path, *finding.place.split(":")))
    return f"{place}{colon} {_styled(finding.code, _RED)} {visible(finding.message)}\n"


def _styled(text: str, style: str) -> str:
    # By hand, for click takes longer to import than a run that finds nothing changed.
    return f"\x1b[{style}m{text}\x1b[0m"


def _source(finding: Finding, *, is_coloured: bool) -> str:
    """Give the line of code, and below it a mark under the part that is meant."""
    ends_here = finding.end_line == finding.line
    end = finding.end_column - 1 if ends_here else len(finding.source)
    before, meant = finding.source[: finding.column - 1], finding.source[finding.column - 1 : end]
    indent = "".join(char if char.isspace() else " " for char in _shown_code(before))
    mark = "^" * max(1, len(_shown_code(meant)))
    code = _shown_code(finding.source)
    if is_coloured:
        after = finding.source[len(before) + len(meant) :]
        code = f"{_shown_code(before)}{_styled(_shown_code(meant), _BOLD)}{_shown_code(after)}"
        mark = _styled(mark, _RED)
    return f"{code}\n{indent}{mark}\n"


def _shown_code(code: str) -> str:
    """Spell out what is not seen in a part of a line, but for the tabs."""
    return "\t".join(map(visible, code.split("\t")))
