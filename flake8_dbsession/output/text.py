"""Findings as text: flake8's lines, and on a terminal the code that each is about."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TextIO

from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.output.escaping import line_of, visible
from flake8_dbsession.output.places import shown


def write(findings: Sequence[Finding], stream: TextIO, *, show_source: bool | None = None) -> None:
    """Write findings as flake8 does, in colour on a terminal where NO_COLOR is not set.

    Args:
        findings: what to write.
        stream: where to.
        show_source: whether the line of code follows, with a mark below it; None: on a terminal.
    """
    on_terminal = stream.isatty()
    written = _coloured if on_terminal and not os.environ.get("NO_COLOR") else _plain
    shows_source = on_terminal if show_source is None else show_source
    for finding in findings:
        stream.write(written(finding))
        if shows_source and finding.source:
            stream.write(_source(finding))


def _plain(finding: Finding) -> str:
    place = f"{finding.path}:{shown(finding)}:"
    return f"{line_of(f'{place} {finding.code} {finding.message}')}\n"


def _coloured(finding: Finding) -> str:
    from click import style  # takes longer to import than a run that finds nothing changed

    colon = style(":", fg="cyan")
    path = style(line_of(finding.path), bold=True)
    place = colon.join((path, *shown(finding).split(":")))
    return f"{place}{colon} {style(finding.code, fg='red', bold=True)} {visible(finding.message)}\n"


def _source(finding: Finding) -> str:
    """Give the line of code, and below it a mark under the part that is meant."""
    ends_here = finding.end_line == finding.line
    end = finding.end_column - 1 if ends_here else len(finding.source)
    before, meant = finding.source[: finding.column - 1], finding.source[finding.column - 1 : end]
    indent = "".join(char if char.isspace() else " " for char in _shown_code(before))
    mark = "^" * max(1, len(_shown_code(meant)))
    return f"{_shown_code(finding.source)}\n{indent}{mark}\n"


def _shown_code(code: str) -> str:
    """Spell out what is not seen in a part of a line, but for the tabs."""
    return "\t".join(map(visible, code.split("\t")))
