"""Which lines changed since a commit, as git knows them."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flake8_dbsession.checking.errors import RunError
from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.checking.suppression.baseline import is_recordable
from flake8_dbsession.failures import BROKEN_POLICY
from flake8_dbsession.patterns import regex

# Whatever the user's configuration says of diffs, this is the form that is read here.
_DIFF = (
    "-c",
    "core.quotePath=true",
    "diff",
    "--unified=0",
    "--inter-hunk-context=0",
    "--find-renames",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--no-relative",
    "--text",
    "--ignore-submodules",
    "--diff-filter=d",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)
_HUNK = regex(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


@dataclass(frozen=True, slots=True)
class Changes:
    """The lines that changed.

    Attributes:
        root: the repository's absolute root, without links.
        lines: the changed lines of each changed file by its path below the root; None for all.
        commit: the commit that they changed since.
        names: the path that each file which was there already had at that commit.
    """

    root: str
    lines: Mapping[str, frozenset[int] | None]
    commit: str = ""
    names: Mapping[str, str] = field(default_factory=dict)

    def has(self, path: str) -> bool:
        """Tell whether a file changed.

        Args:
            path: the file, absolute or relative to the working directory.

        Raises:
            RunError: it stands outside of the repository.
        """
        return self._name(path) in self.lines

    def touch(self, path: str, first: int, last: int) -> bool:
        """Tell whether one of some lines of a file changed.

        Args:
            path: the file, absolute or relative to the working directory.
            first: the first of the lines, counted from 1.
            last: the last of them.

        Raises:
            RunError: the file stands outside of the repository.
        """
        changed = self.lines.get(self._name(path), frozenset())
        return changed is None or not changed.isdisjoint(range(first, last + 1))

    def reported(self, findings: Sequence[Finding]) -> list[Finding]:
        """Give the findings on changed lines, in changed notebooks, and of what was not checked."""
        return [
            each
            for each in findings
            if (not each.cell and self.touch(each.path, each.line, each.end_line))
            # git knows the lines of a notebook's file, not those of its cells.
            or ((each.cell or not is_recordable(each.code)) and self.has(each.path))
            or each.code == BROKEN_POLICY
        ]

    def knew(self, path: str) -> bool:
        """Tell whether a changed file was there already at the commit."""
        return self._name(path) in self.names

    def before(self, path: str) -> bytes | None:
        """Give what a changed file held at the commit; None for what did not change, or is new."""
        try:
            name = self.names.get(self._name(path))
            return None if name is None else _git(self.root, "show", f"{self.commit}:{name}")
        except RunError:
            return None

    def _name(self, path: str) -> str:
        absolute = os.path.realpath(path)
        if os.path.commonpath([absolute, self.root]) != self.root:
            raise RunError(f"{path}: is outside of the repository {self.root}; leave out --since")
        return Path(os.path.relpath(absolute, self.root)).as_posix()


def changes_since(revision: str) -> Changes:
    """Find what changed since a commit: committed, staged, in the working tree, or untracked.

    Args:
        revision: the commit, in any way that git can name one.

    Raises:
        RunError: there is no git, no repository around the working directory, or no such commit.
    """
    root = os.fsdecode(_git(".", "rev-parse", "--show-toplevel").removesuffix(b"\n"))
    name = f"{revision}^{{commit}}"
    try:
        found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", name)
    except RunError as error:
        raise RunError(
            f"--since {revision}: this repository knows no such commit; check the spelling, "
            "or fetch it where the clone is shallow"
        ) from error
    untracked = _git(root, "ls-files", "--others", "--exclude-standard", "-z").split(b"\0")
    commit = found.decode().strip()
    changed, names = _changed(_git(root, *_DIFF, commit, "--").split(b"\n"))
    lines = {**{os.fsdecode(path): None for path in untracked}, **changed}
    return Changes(os.path.realpath(root), lines, commit, names)


def revision_here() -> str:
    """Give the commit that the working directory is at, in short; empty where there is none."""
    try:
        return os.fsdecode(_git(".", "rev-parse", "--short", "HEAD")).strip()
    except RunError:
        return ""


def _git(folder: str, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True)
    except FileNotFoundError as error:
        raise RunError("--since needs git, which is not installed") from error
    if done.returncode:
        said = " ".join(done.stderr.decode(errors="replace").split())
        raise RunError(f"--since: git failed: {said}")
    return done.stdout


def _changed(diff: Iterable[bytes]) -> tuple[dict[str, frozenset[int]], dict[str, str]]:
    """Read a diff without context: the new lines of each file, and the names of the old ones."""
    numbers: dict[str, set[int]] = {}
    names: dict[str, str] = {}
    path = old = ""
    lines = iter(diff)
    for line in lines:
        hunk = _HUNK.match(line)
        if line.startswith(b"--- "):
            old = _path(line[4:], b"a/")
        elif line.startswith(b"+++ "):
            path = _path(line[4:], b"b/")
            if old != "/dev/null":
                names[path] = old
        elif hunk:
            removed, first, added = (int(number or 1) for number in hunk.groups())
            numbers.setdefault(path, set()).update(range(first, first + added))
            _skip(lines, removed + added)
    return {path: frozenset(changed) for path, changed in numbers.items()}, names


def _skip(lines: Iterator[bytes], count: int) -> None:
    """Skip the lines of a hunk, whose texts may look like anything."""
    while count:
        if not next(lines).startswith(b"\\"):  # a note that a line has no line end
            count -= 1


def _path(written: bytes, prefix: bytes) -> str:
    """Read a path as git writes it: quoted as in C, or with a tab after a space in it."""
    if written.startswith(b'"'):
        written = ast.literal_eval(f"b{written.decode()}")
    return os.fsdecode(written.rstrip(b"\t").removeprefix(prefix))
