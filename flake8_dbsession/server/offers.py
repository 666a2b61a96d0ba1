"""The fixes that an editor offers for what is found in a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.failures import FAILURES
from flake8_dbsession.fixes.doubts.patched import PatchedNames
from flake8_dbsession.fixes.registry import fixers
from flake8_dbsession.fixes.repair import Repair, Wishes, repair, repair_one
from flake8_dbsession.named_tuples import NamedTuple
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
        findings: what it fixes; none for all that is safe to fix.
        is_safe: whether the code does after it what it did.
    """

    title: str
    text: str
    findings: tuple[Finding, ...] = ()
    is_safe: bool = True


class _Made(NamedTuple):
    """The fix of one finding: the text after it, and what speaks against it."""

    text: str
    doubts: tuple[Doubt, ...] = ()


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

        What makes the same of the text is offered once, for all that it fixes.

        Args:
            path: the file's absolute path.
            folder: the folder in which it is checked.
            buffer: its text.
            findings: what was found in it.
        """
        by_text: dict[str, dict[Finding, _Made]] = {}
        for finding in findings:
            made = self._made(path, folder, buffer, finding) if finding.code in fixers() else None
            if made is not None:
                by_text.setdefault(made.text, {})[finding] = made
        for text, fixed in by_text.items():
            yield _offer(text, fixed)

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
        return Offer("Fix all that is safe to fix (dbsession)", done.text.content)

    def _made(self, path: str, folder: str, buffer: Buffer, finding: Finding) -> _Made | None:
        """Fix one finding; None where there is no fix."""
        try:
            text = decode(buffer.content)
            safe = self._repaired(path, folder, text, finding, Wishes())
            if safe.text != text:
                return _Made(safe.text.content)
            doubts = tuple(doubt for left in safe.left for doubt in left.doubts)
            wishes = Wishes(unsafe=True)
            done = self._repaired(path, folder, text, finding, wishes) if doubts else safe
            return _Made(done.text.content, doubts) if done.text != text else None
        except _FAILURES:
            return None
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


def _offer(text: str, fixed: Mapping[Finding, _Made]) -> Offer:
    """Offer what is made of a text, for one finding or for several; safe where it is so for one."""
    codes = dict.fromkeys(finding.code for finding in fixed)
    title = f"Fix {', '.join(codes)} ({', '.join(page_of(code).name for code in codes)})"
    is_safe = not all(made.doubts for made in fixed.values())
    if not is_safe:
        title += f" (not safe: {_told(doubt for made in fixed.values() for doubt in made.doubts)})"
    return Offer(title, text, tuple(fixed), is_safe)


def _told(doubts: Iterable[Doubt]) -> str:
    return "; ".join(dict.fromkeys(f"{doubt.kind.value}: {doubt.reason}" for doubt in doubts))
