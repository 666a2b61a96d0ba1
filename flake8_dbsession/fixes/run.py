"""The repair of many files, and what it came to."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

from flake8_dbsession.checking.errors import RunError
from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.checking.running.run import Run
from flake8_dbsession.checking.running.workers import Work, processes, spread
from flake8_dbsession.checking.suppression.baseline import Baseline
from flake8_dbsession.checking.suppression.unused import NoqaComments
from flake8_dbsession.failures import FAILURES
from flake8_dbsession.fixes.baseline import without_known
from flake8_dbsession.fixes.blocks.moving import moved
from flake8_dbsession.fixes.doubts.patched import PatchedNames
from flake8_dbsession.fixes.repair import Repair, Wishes, repair
from flake8_dbsession.garbage import collect_young
from flake8_dbsession.linter import Linter, Settings
from flake8_dbsession.policy.errors import PolicyError
from flake8_dbsession.policy.model import Policy
from flake8_dbsession.rewriting.edits import Move
from flake8_dbsession.rewriting.proof import UnprovedError, prove_compiles, prove_names_bound
from flake8_dbsession.rewriting.text import Text, UnreadableError, decode
from flake8_dbsession.writing import ChangedError, remove_leftovers, write_file

_SYNTAX_ERROR = "E9"
_AT_ONCE = 4  # files: a repair takes far longer than a check


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one file.

    Attributes:
        path: the file, as the user named it or as it was found.
        before: its text; None where it could not be read.
        repair: its new text, and what was fixed and left; None where it could not be fixed.
        failure: why it could not be fixed; empty where it could.
        is_unusable: whether that is so because its policy cannot be used, or because a rule broke.
    """

    path: str
    before: Text | None = None
    repair: Repair | None = None
    failure: str = ""
    is_unusable: bool = False


@dataclass(frozen=True, slots=True)
class Repairs:
    """A repair of many files.

    Attributes:
        run: finds what is reported of them.
        wishes: which fixes are wanted, and whether the files are written.
        baseline: the violations that need no fix: one that is left is not reported.
    """

    run: Run
    wishes: Wishes
    baseline: Baseline | None = None

    def files_of_layer(self, files: Iterable[str], name: str) -> list[str]:
        """Choose the files that lie in a layer.

        Args:
            files: the files.
            name: the layer.

        Raises:
            RunError: no policy of these files has such a layer.
        """
        linter = Linter(Settings.of(self.run.options))
        chosen: list[str] = []
        known: set[str] = set()
        for file in files:
            policy = linter.policy_for(file)
            if isinstance(policy, Policy):
                layer = policy.layer_of(file)
                known.update(each.name for each in policy.layers)
                chosen += [file] if layer and layer.name == name else []
        if name not in known:
            raise RunError(f"no layer is called {name!r}; there are {', '.join(sorted(known))}")
        return chosen

    def outcomes(self, files: Sequence[str]) -> Iterator[Outcome]:
        """Repair files: all are looked at before the first is written.

        Args:
            files: their paths.

        Yields:
            What came of each file in which something is found, when it is done.
        """
        if self.wishes.writes:
            for folder in {os.path.dirname(file) for file in files}:
                remove_leftovers(folder or os.curdir)
        by_file: dict[str, list[Finding]] = {}
        for finding in self.run.findings(files):
            by_file.setdefault(finding.path, []).append(finding)
        wishes = replace(self.wishes, files=frozenset(Path(os.path.abspath(f)) for f in files))
        make = partial(_Repairing, self.run.options, wishes, by_file, self.baseline)
        for outcome in self._with_moves(self._spread(make, by_file), files):
            yield _written(outcome) if wishes.writes else outcome

    def _with_moves(self, outcomes: list[Outcome], files: Iterable[str]) -> Iterable[Outcome]:
        """Let the tests patch what the repaired files use."""
        moves: dict[str, list[Move]] = {}
        for outcome in outcomes:
            for move in outcome.repair.moves if outcome.repair else ():
                moves.setdefault(str(move.path), []).append(move)
        found = {outcome.path: outcome for outcome in outcomes}
        waiting: dict[str, list[Move]] = {}
        for path in (*found, *files):
            if given := moves.pop(os.path.abspath(path), None):
                waiting[path] = given
        made = self._spread(partial(_Moving, self.run.options, waiting, found), waiting)
        return (found | {outcome.path: outcome for outcome in made}).values()

    def _spread(
        self, make: Callable[[], Work[list[Outcome]]], files: Iterable[str]
    ) -> list[Outcome]:
        """Work on files in several processes; one may take a hundred times as long as another."""
        jobs = processes(self.run.options)
        return [*chain.from_iterable(spread(make, [*files], jobs, at_once=_AT_ONCE))]


class _Repairing:
    """Repairs some files at a time, and writes none of them.

    Args:
        options: flake8's.
        wishes: which fixes are wanted.
        findings: what is found in each file.
        baseline: the violations that need no fix.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        wishes: Wishes,
        findings: dict[str, list[Finding]],
        baseline: Baseline | None,
    ) -> None:
        self._linter = Linter(Settings.of(options), comments=NoqaComments(options))
        self._patched = PatchedNames()
        self._wishes = wishes
        self._findings = findings
        self._baseline = baseline

    def __call__(self, files: list[str]) -> list[Outcome]:
        return [self._outcome(file) for file in files]

    def _outcome(self, path: str) -> Outcome:
        outcome = self._found(path, self._findings[path])
        collect_young()
        return outcome

    def _found(self, path: str, findings: list[Finding]) -> Outcome:
        hindrance = next((f for f in findings if _hinders(f)), None)
        if hindrance is not None:
            failure = f"line {hindrance.line}: {hindrance.code} {hindrance.message}"
            return Outcome(path, failure=failure, is_unusable=hindrance.code in FAILURES)
        try:
            return self._repaired(path, findings)
        except OSError as error:
            return Outcome(path, failure=error.strerror or str(error))
        except PolicyError as error:
            return Outcome(path, failure=str(error), is_unusable=True)
        except (SyntaxError, UnprovedError, UnreadableError) as error:
            return Outcome(path, failure=str(error))

    def _repaired(self, path: str, findings: list[Finding]) -> Outcome:
        with open(path, "rb") as stream:
            before = decode(stream.read())
        reported = frozenset((f.code, f.line, f.column) for f in findings)
        wishes = replace(self._wishes, reported=reported)
        done = repair(path, before, self._linter, wishes, self._patched)
        if self._baseline is not None:
            text = done.text if wishes.writes else before
            done = without_known(done, text, path, self._baseline)
        return Outcome(path, before, done)


class _Moving:
    """Lets some tests at a time patch what the repaired files use, and writes none of them.

    A test's own fixes, where there are any, wait for the next run.

    Args:
        options: flake8's.
        moves: the texts in which each test has to name something else.
        found: what came of the repaired files, among which a test may be.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        moves: dict[str, list[Move]],
        found: dict[str, Outcome],
    ) -> None:
        self._linter = Linter(Settings.of(options))
        self._moves = moves
        self._found = found

    def __call__(self, files: list[str]) -> list[Outcome]:
        return [self._moved(self._found.get(file) or _as_it_lies(file)) for file in files]

    def _moved(self, outcome: Outcome) -> Outcome:
        if outcome.before is None or outcome.repair is None:
            return outcome
        after = moved(outcome.path, outcome.before, self._moves[outcome.path], self._linter)
        _prove(outcome.path, outcome.before, after)
        done = Repair(after, left=outcome.repair.left)
        return replace(outcome, repair=done)


def _prove(path: str, before: Text, after: Text) -> None:
    """Make sure of a changed test, before any file is written."""
    try:
        prove_compiles(after.source, path)
        prove_names_bound(before.source, after.source, path)
    except UnprovedError as error:
        raise RunError(f"{path}: {error}; nothing is changed, please report it") from error


def _as_it_lies(path: str) -> Outcome:
    with open(path, "rb") as stream:
        before = decode(stream.read())
    return Outcome(path, before, Repair(before))


def _written(outcome: Outcome) -> Outcome:
    """Write a file that was repaired."""
    if outcome.before is None or outcome.repair is None or outcome.repair.text == outcome.before:
        return outcome
    try:
        before, after = outcome.before.encode(), outcome.repair.text.encode()
        write_file(outcome.path, after, expected=before)
    except OSError as error:
        return Outcome(outcome.path, failure=error.strerror or str(error))
    except ChangedError as error:
        return Outcome(outcome.path, failure=str(error))
    return outcome


def exit_code(outcomes: Iterable[Outcome], *, writes: bool) -> int:
    """Give a run's exit code.

    Args:
        outcomes: what came of the files.
        writes: whether the files were written.

    Returns:
        0 where nothing is left but what is known; 1 where something is, a file could not be fixed,
        or a fix is only shown; 2 where a policy cannot be used or a rule broke.
    """
    code = 0
    for outcome in outcomes:
        if outcome.is_unusable:
            return 2
        done = outcome.repair
        if done is None or done.left or (done.fixed and not writes):
            code = 1
    return code


def _hinders(finding: Finding) -> bool:
    """Tell whether a finding keeps its file from being fixed."""
    return finding.code in FAILURES or finding.code.startswith(_SYNTAX_ERROR)
