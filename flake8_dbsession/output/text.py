"""Findings as text: flake8's lines, and on a terminal the code that each is about."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TextIO

from click import style

from flake8_dbsession.checking.findings import Finding


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
    place = f"{finding.path}:{finding.line}:{finding.column}:"
    return f"{place} {finding.code} {finding.message}\n"


def _coloured(finding: Finding) -> str:
    colon = style(":", fg="cyan")
    place = colon.join((style(finding.path, bold=True), str(finding.line), str(finding.column)))
    return f"{place}{colon} {style(finding.code, fg='red', bold=True)} {finding.message}\n"


def _source(finding: Finding) -> str:
    """Give the line of code, and below it a mark under the part that is meant."""
    before = finding.source[: finding.column - 1]
    indent = "".join(char if char.isspace() else " " for char in before)
    ends_here = finding.end_line == finding.line
    end = finding.end_column if ends_here else len(finding.source) + 1
    return f"{finding.source}\n{indent}{'^' * max(1, end - finding.column)}\n"
