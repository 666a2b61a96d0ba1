"""The fixes that an editor offers for what is found in a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.failures import FAILURES
from flake8_dbsession.fixes.doubts.patched import PatchedNames
from flake8_dbsession.fixes.registry import fixers
from flake8_dbsession.fixes.repair import Repair, Wishes, repair, repair_one
from flake8_dbsession.output.pages import page_of
from flake8_dbsession.policy.errors import PolicyError
from flake8_dbsession.rewriting.edits import Doubt
from flake8_dbsession.rewriting.proof import UnprovedError
from flake8_dbsession.rewriting.text import Text, UnreadableError, decode
from flake8_dbsession.server.buffers import Buffer, Shown
from flake8_dbsession.server.checks import Checks

_FAILURES = (SyntaxError, PolicyError, UnprovedError, UnreadableError)


class Offer(NamedTuple):
    """A fix that can be made.

    Attributes:
        title: what it does, and what speaks against it.
        text: the file's text after it.
        finding: what it fixes; None for all that is found.
        is_safe: whether the code does after it what it did.
    """

    title: str
    text: str
    finding: Finding | None
    is_safe: bool


class Offers:
    """Finds the fixes of open files.

    Args:
        sources: the code as the editor shows it.
        checks: checks the files.
    """

    def __init__(self, sources: Shown, checks: Checks) -> None:
        self._sources = sources
        self._checks = checks
        self._kept: tuple[str, dict[str, int], PatchedNames] | None = None

    def forget(self) -> None:
        """Forget what the tests of projects patch, for a file of theirs may have changed."""
        self._kept = None

    def of_findings(
        self, path: str, folder: str, buffer: Buffer, findings: Iterable[Finding]
    ) -> Iterator[Offer]:
        """Find a fix for each of some findings, the safe one where there is one.

        Args:
            path: the file's absolute path.
            folder: the folder in which it is checked.
            buffer: its text.
            findings: what was found in it.
        """
        for finding in findings:
            if finding.code in fixers():
                yield from self._of_finding(path, folder, buffer, finding)

    def of_all(
        self, path: str, folder: str, buffer: Buffer, findings: Iterable[Finding]
    ) -> Offer | None:
        """Find what all safe fixes of a file make of it; None where there are none."""
        reported = frozenset((f.code, f.line, f.column) for f in findings)
        if any(code in FAILURES for code, _, _ in reported):
            return None
        try:
            text = decode(buffer.content)
            wishes = Wishes(reported=reported)
            linter = self._checks.prepared(path, folder).check.linter
            done = repair(path, text, linter, wishes, self._patched(path))
        except _FAILURES:
            return None
        except BaseException:
            self._checks.forget(path)  # what was asked for half is not to be kept
            raise
        if done.text == text:
            return None
        return Offer("Fix all that is safe to fix (dbsession)", done.text.content, None, True)

    def _of_finding(
        self, path: str, folder: str, buffer: Buffer, finding: Finding
    ) -> Iterator[Offer]:
        try:
            text = decode(buffer.content)
            safe = self._repaired(path, folder, text, finding, Wishes())
            title = f"Fix {finding.code} ({page_of(finding.code).name})"
            if safe.text != text:
                yield Offer(title, safe.text.content, finding, True)
                return
            doubts = [doubt for left in safe.left for doubt in left.doubts]
            if doubts:
                done = self._repaired(path, folder, text, finding, Wishes(unsafe=True))
                if done.text != text:
                    yield Offer(
                        f"{title} (not safe: {_told(doubts)})", done.text.content, finding, False
                    )
        except _FAILURES:
            return
        except BaseException:
            self._checks.forget(path)
            raise

    def _patched(self, path: str) -> PatchedNames:
        """Give what tests patch, kept for one file while no other text changes."""
        states = self._sources.states(but=path)
        kept = self._kept
        if kept is None or kept[:2] != (path, states):
            self._kept = kept = path, states, PatchedNames(self._sources)
        return kept[2]

    def _repaired(
        self, path: str, folder: str, text: Text, finding: Finding, wishes: Wishes
    ) -> Repair:
        linter = self._checks.prepared(path, folder).check.linter
        place = finding.code, finding.line, finding.column
        return repair_one(path, text, linter, wishes, place, self._patched(path))


def _told(doubts: Iterable[Doubt]) -> str:
    return "; ".join(dict.fromkeys(f"{doubt.kind.value}: {doubt.reason}" for doubt in doubts))
