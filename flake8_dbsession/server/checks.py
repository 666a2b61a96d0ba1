"""Checks of open files, as ``dbsession check`` does them in the folder that the editor opened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from flake8_dbsession.checking.caching.run_keys import flake8_arguments
from flake8_dbsession.checking.caching.stamps import Stamp
from flake8_dbsession.checking.errors import RunError
from flake8_dbsession.checking.files.discovery import is_met
from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.checking.running.file_check import FileCheck
from flake8_dbsession.checking.running.run import Run
from flake8_dbsession.checking.running.settings import SETTINGS
from flake8_dbsession.checking.suppression.adoption import BaselineRun
from flake8_dbsession.checking.suppression.baseline import Baseline, load
from flake8_dbsession.failures import BROKEN_POLICY
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.policy.errors import PolicyError
from flake8_dbsession.policy.loading import forget_policies
from flake8_dbsession.roots import forget_roots, upward
from flake8_dbsession.server.buffers import Shown

_MOST_KEPT = 16  # files of which the neighbours are kept; an editor's user works in fewer


class Problem(NamedTuple):
    """What keeps files from being held to the standard.

    Attributes:
        message: what it is.
        file: the file at fault; None where it is no file that can be shown.
        line: its line, counted from 1.
    """

    message: str
    file: str | None = None
    line: int = 1


class Report(NamedTuple):
    """What a check came to.

    Attributes:
        findings: what is reported of the file.
        problem: what kept it from being held to the standard.
    """

    findings: tuple[Finding, ...] = ()
    problem: Problem | None = None


class Checks:
    """Checks open files, one at a time.

    What a file's imports lead to is kept from one keystroke to the next, while nothing of it
    changes: it is read again once a module, a folder, a setting or another open text is another.

    Args:
        sources: the code as the editor shows it.
    """

    def __init__(self, sources: Shown) -> None:
        self._sources = sources
        self._kept: dict[str, Prepared] = {}

    def report(self, path: str, folder: str) -> Report:
        """Check a file.

        Args:
            path: its absolute path.
            folder: the folder in which ``dbsession check`` would be run on it.
        """
        try:
            prepared = self.prepared(path, folder)
            return _report(path, prepared.findings())
        except PolicyError as error:
            file = None if error.file is None else str(error.file)
            problem = Problem(error.problem if file else str(error), file, max(error.line, 1))
        except RunError as error:
            problem = Problem(str(error))
        except BaseException:  # what was asked for half is not to be kept
            self._kept.pop(path, None)
            raise
        self._kept.pop(path, None)
        return Report(problem=problem)

    def prepared(self, path: str, folder: str) -> Prepared:
        """Give what a file is checked with.

        Raises:
            PolicyError: the policy or preset that flake8's settings name cannot be used.
            RunError: flake8's settings or the baseline cannot be used.
        """
        os.chdir(folder)  # settings, policies and baselines are found from there
        kept = self._kept.pop(path, None)
        if kept is None or kept.folder != folder or kept.is_stale():
            forget_policies()
            forget_roots()
            kept = Prepared(path, folder, self._sources)
        self._kept[path] = kept
        if len(self._kept) > _MOST_KEPT:
            self._kept.pop(next(iter(self._kept)))
        return kept

    def is_stale(self, path: str) -> bool:
        """Tell whether something changed on which a file's last check rests."""
        kept = self._kept.get(path)
        return kept is None or kept.is_stale()

    def forget(self, path: str | None = None) -> None:
        """Forget what is kept for a file, or for all."""
        if path is None:
            self._kept.clear()
        else:
            self._kept.pop(path, None)


class Prepared:
    """All that a file is checked with, and what that rests on.

    Args:
        path: the file's absolute path.
        folder: the folder in which the check is run; the working directory.
        sources: the code as the editor shows it.

    Raises:
        PolicyError, RunError: as ``Checks.prepared`` raises them.
    """

    def __init__(self, path: str, folder: str, sources: Shown) -> None:
        self.path = path
        self.folder = folder
        self._sources = sources
        self._stamps: dict[str, Stamp | int | None] = {}
        self._note(_settings_above(path, folder))
        self._run = Run(flake8_arguments())
        self.check = FileCheck(self._run.options, sources)
        self._baseline = self._loaded_baseline()

    @cached_property
    def is_met(self) -> bool:
        """Whether a run over the folder would come to the file at all."""
        options = self._run.options
        return is_met(self.path, self.folder, [*options.exclude, *options.extend_exclude])

    def findings(self) -> list[Finding]:
        """Check the file."""
        if not self.is_met:
            return []
        found = self.check.check(self.path).findings
        grounds = self.check.take_grounds()
        for links in grounds.links.values():
            self._note(iter(links.files))
        self._note(iter(grounds.folders))
        self._note(iter(grounds.policies))
        if self._baseline is None:
            return found
        return BaselineRun(self._baseline, [self.path], self._run.options).compare(found)[0]

    def is_stale(self) -> bool:
        """Tell whether anything changed on which the last check rests, but the file itself.

        The file itself counts where another one reads it.
        """
        ask = self._sources.stamp
        return any(ask(path) != stamp for path, stamp in self._stamps.items())

    def _loaded_baseline(self) -> Baseline | None:
        file = self._run.baseline
        if not file:
            return None
        self._note(iter([os.path.abspath(file)]))
        return load(Path(file))

    def _note(self, paths: Iterator[str]) -> None:
        for path in paths:
            if path not in self._stamps:
                self._stamps[path] = self._sources.stamp(path)


def _settings_above(path: str, folder: str) -> Iterator[str]:
    for start in {os.path.dirname(path), folder}:
        for each in upward(start):
            yield from (os.path.join(each, name) for name in SETTINGS)


def _report(path: str, findings: list[Finding]) -> Report:
    """Tell a broken policy, which is no finding in the file, from the others."""
    broken = next((each for each in findings if each.code == BROKEN_POLICY), None)
    own = tuple(each for each in findings if each is not broken)
    if broken is None:
        return Report(own)
    file = os.path.abspath(broken.path)
    if not os.path.isfile(file):
        return Report(own, Problem(broken.message))
    return Report(own, Problem(broken.message, file, broken.line))
