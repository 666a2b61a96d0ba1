"""The flake8 door: options in, violations out, nothing else."""

from __future__ import annotations

import argparse
import ast
import gc
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from flake8_dbsession import __version__
from flake8_dbsession.garbage import uncollected
from flake8_dbsession.options import add_options

if TYPE_CHECKING:
    from flake8_dbsession.checking.suppression.baseline_filter import BaselineFilter
    from flake8_dbsession.linter import Linter


class Plugin:
    """What flake8 makes for each file that it checks.

    Args:
        tree: the file's syntax tree.
        filename: its path as flake8 names it.
        lines: its lines, line ends included.
    """

    name = "flake8-dbsession"
    version = __version__
    _linter: ClassVar[Linter]
    _known: ClassVar[BaselineFilter | None]

    def __init__(self, tree: ast.Module, filename: str, lines: list[str]) -> None:
        self._tree = tree
        self._filename = filename
        self._lines = lines

    add_options = staticmethod(add_options)

    @classmethod
    def parse_options(cls, options: argparse.Namespace) -> None:
        """Take the options of this run.

        Raises:
            flake8.exceptions.ExecutionError: an option or the policy it names cannot be used.
        """
        from flake8.exceptions import ExecutionError

        from flake8_dbsession.checking.errors import RunError
        from flake8_dbsession.linter import Linter, Settings
        from flake8_dbsession.policy.errors import PolicyError

        try:
            cls._linter = Linter(Settings.of(options))
            cls._linter.demand(options.filenames or ["."])
            cls._known = _known(options)
        except (PolicyError, RunError) as error:
            raise ExecutionError(f"flake8-dbsession: {error}") from error
        _keep_failures(options)
        if not gc.get_freeze_count():  # what is there now stays: not to be looked through each time
            gc.freeze()

    def run(self) -> Iterator[tuple[int, int, str, type[Plugin]]]:
        """Check the file.

        Yields:
            For each violation its line (from 1), its column (from 0), its code with the message,
            and this class.
        """
        text = "".join(self._lines)
        if "\r" in text:  # from standard input, where flake8 leaves line ends as they are
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        with uncollected():
            violations = self._linter.check(self._filename, text, self._tree)
        if violations and self._known:
            violations = self._known.new(self._filename, text, self._tree, violations)
        for violation in violations:
            message = f"{violation.code} {violation.message}"
            yield violation.line, violation.column, message, type(self)


def _keep_failures(options: argparse.Namespace) -> None:
    """Select what says that a file was not held to the standard, beside any code of this tool.

    A gate for one code must not turn green by a policy that cannot be used.
    """
    from flake8_dbsession.failures import FAILURES

    for name in ("select", "extend_select"):
        chosen = getattr(options, name) or []
        if any(code.startswith("DBS") for code in chosen):
            setattr(options, name, [*chosen, *sorted(FAILURES)])


def _known(options: argparse.Namespace) -> BaselineFilter | None:
    from flake8_dbsession.checking.suppression.baseline_place import baseline_file

    file = baseline_file(options.dbsession_baseline, options.dbsession_policy)
    if file is None:
        return None
    from flake8_dbsession.checking.suppression.baseline_filter import BaselineFilter

    options.dbsession_baseline = file
    return BaselineFilter(options)
