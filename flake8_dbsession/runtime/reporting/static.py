"""The linter's word on the places of a run."""

from __future__ import annotations

import ast
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from flake8_dbsession.linter import Linter, Settings
from flake8_dbsession.runtime.records import Place
from flake8_dbsession.runtime.reporting.report import Report, Verdict

LEAKS = frozenset(
    {
        "DBS105",
        "DBS201",
        "DBS202",
        "DBS203",
        "DBS204",
        "DBS205",
        "DBS207",
        "DBS209",
        "DBS302",
        "DBS303",
        "DBS304",
    }
    | {"DBS305", "DBS403", "DBS404", "DBS405", "DBS407", "DBS601", "DBS602", "DBS603", "DBS605"}
    | {"DBS608", "DBS609"}
)
"""The codes that say that something stays open."""


class _File:
    """What the linter says of a file.

    Args:
        linter: the linter.
        name: the file's path.
    """

    def __init__(self, linter: Linter, name: str) -> None:
        self._codes: dict[int, list[str]] = defaultdict(list)
        self._functions: list[tuple[int, int]] = []
        try:
            with tokenize.open(name) as stream:
                text = stream.read()
            tree = ast.parse(text)
        except (OSError, SyntaxError, ValueError):  # it is gone, or no source of Python's
            return
        for violation in linter.check(name, text, tree):
            if violation.code in LEAKS:
                self._codes[violation.line].append(violation.code)
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        self._functions = [
            (node.lineno, node.end_lineno or node.lineno)
            for node in ast.walk(tree)
            if isinstance(node, functions)
        ]

    def at(self, line: int) -> list[str]:
        """Give the codes on a line."""
        return self._codes.get(line, [])

    def around(self, line: int) -> list[str]:
        """Give the codes in the innermost function around a line."""
        around = [
            (end - start, start, end) for start, end in self._functions if start <= line <= end
        ]
        if not around:
            return self.at(line)
        _, start, end = min(around)
        return [code for line in range(start, end + 1) for code in self.at(line)]


class _Linted:
    """The files of a run, each linted when it is asked for."""

    def __init__(self) -> None:
        self._linter = Linter(Settings())
        self._files: dict[str, _File] = {}

    def file(self, place: Place) -> _File:
        """Give the file of a place."""
        if place.file not in self._files:
            self._files[place.file] = _File(self._linter, place.file)
        return self._files[place.file]

    def codes(self, chain: Sequence[Place]) -> Iterable[str]:
        """Give the codes on the lines of a chain of calls, or else in its innermost functions."""
        exact = [code for place in chain for code in self.file(place).at(place.line)]
        return exact or [
            code for place in chain[:2] for code in self.file(place).around(place.line)
        ]


def judged(report: Report) -> Report:
    """Add what the linter says of the places of a report.

    Args:
        report: what was seen.
    """
    linted = _Linted()
    leaked: Counter[Place] = Counter()
    for tally in report.tallies:
        if tally.place is not None:
            leaked[tally.place] += tally.left_open
    chains = {leak.places[0]: leak.places for leak in report.leaks if leak.places}
    explained = {line for leak in report.leaks for line in leak.places}
    found = [
        Verdict(place, _unique(linted.codes(chains.get(place, (place,)))), times)
        for place, times in leaked.items()
        if times
    ]
    found += [
        Verdict(line, _unique(linted.file(line).at(line.line)), 0)
        for line in report.lines
        if line not in explained
    ]
    return report._replace(verdicts=tuple(each for each in found if each.codes or each.leaked))


def _unique(codes: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(codes))
