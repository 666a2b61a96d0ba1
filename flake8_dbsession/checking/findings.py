"""What a run reports: violations with the file that they stand in."""

from __future__ import annotations

from collections.abc import Iterable

from flake8_dbsession.escaping import line_of
from flake8_dbsession.failures import FAILURES
from flake8_dbsession.named_tuples import NamedTuple


class Finding(NamedTuple):
    """A line of a run's report.

    Attributes:
        path: the file, as the user named it or as it was found under the folder that was named.
        line: the line, counted from 1.
        column: the column, counted from 1 in characters, as flake8 prints it.
        code: the code, such as ``DBS101`` or ``E999``.
        message: what is wrong and the way out, without the code.
        end_line: the line on which the offending code ends.
        end_column: the column after its last character, counted from 1.
        source: the text of the line, without its line end; empty where there is none.
        definition: the qualified name of the definition around it; empty at module level.
        statement: its statement, written the same wherever it moves and however it is formatted.
        level: how much it weighs: ``error``, ``warning`` or ``note``.
        cell: the cell of a notebook that the lines are counted in, counted from 1 itself; 0 in all
            other files.
    """

    path: str
    line: int
    column: int
    code: str
    message: str
    end_line: int
    end_column: int
    source: str
    definition: str = ""
    statement: str = ""
    level: str = "error"
    cell: int = 0

    @property
    def place(self) -> str:
        """Its place as text: by its cell in a notebook, as ruff has it."""
        cell = f"cell {self.cell}:" if self.cell else ""
        return f"{cell}{self.line}:{self.column}"


class Replacement(NamedTuple):
    """Lines of a file, and what takes their place.

    Attributes:
        line: the first of the lines, counted from 1, from its first column on.
        end_line: the line on which the replaced text ends.
        end_column: the column before which it ends, counted from 1.
        text: the new text.
    """

    line: int
    end_line: int
    end_column: int
    text: str


def text_of(findings: Iterable[Finding]) -> str:
    """Write findings as flake8 does, a line for each."""
    lines = (f"{each.path}:{each.place}: {each.code} {each.message}" for each in findings)
    return "".join(f"{line_of(line)}\n" for line in lines)


def exit_code(findings: Iterable[Finding]) -> int:
    """Give a run's exit code: 0 for nothing found, 2 for what kept it from checking, else 1."""
    codes = {finding.code for finding in findings}
    if codes & FAILURES:
        return 2
    return 1 if codes else 0
