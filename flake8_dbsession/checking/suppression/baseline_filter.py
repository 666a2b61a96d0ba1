"""A baseline as flake8's plugin asks it, file by file."""

from __future__ import annotations

import argparse
import ast
from collections.abc import Sequence
from pathlib import Path

from flake8_dbsession.checking.suppression.baseline import load
from flake8_dbsession.checking.suppression.fingerprints import Fingerprints
from flake8_dbsession.checking.suppression.noqa import Noqa
from flake8_dbsession.rules.base import Violation


class BaselineFilter:
    """The violations that a baseline lists.

    Args:
        options: flake8's, which name the baseline.

    Raises:
        RunError: the baseline cannot be used.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._baseline = load(Path(options.dbsession_baseline))

    def new(
        self, filename: str, text: str, tree: ast.Module, violations: Sequence[Violation]
    ) -> list[Violation]:
        """Give the violations of a file that are not known.

        Args:
            filename: its path.
            text: its source, with ``\\n`` line ends.
            tree: its syntax tree.
            violations: all that were found in it, those included that a comment hides.
        """
        lines = [f"{line}\n" for line in text.split("\n")]
        fingerprints, noqa = Fingerprints(tree, lines), Noqa(filename, lines, self._options)
        # What a comment hides comes last: it must not be taken for the copy that is known.
        ordered = sorted(violations, key=lambda each: noqa.hides(each.code, each.line))
        entries = [
            self._baseline.entry(filename, each.code, fingerprints.at(each.line, each.column))
            for each in ordered
        ]
        return [ordered[position] for position in self._baseline.compare(entries).new]
