"""What earlier runs found, with all that it rests on.

The findings of a file rest on its own content, on that of each file that its imports led to, on
which modules there are, and on the policies.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from flake8_dbsession.analysis.names.requirements import FILES, LOCKS
from flake8_dbsession.checking.stamps import (
    NONE,
    Stamp,
    is_as_of,
    is_changed_since,
    look,
    stamp,
)
from flake8_dbsession.digests import digest
from flake8_dbsession.reading import read_file
from flake8_dbsession.roots import upward

ANY_NAME = "*"
"""Stands among the names that a file asked for where every module counts."""

_POLICY_FILES = ("dbsession.toml", "pyproject.toml")
# What may change the results of every file when it comes or goes.
_DECISIVE = frozenset(
    {
        *_POLICY_FILES,
        "__init__.py",
        ".git",
        ".hg",
        "setup.cfg",
        "setup.py",
        "tox.ini",
        ".flake8",
        "requirements/",
        *(name.rpartition("/")[2] for name in (*FILES, *LOCKS)),
    }
)


class Entry(NamedTuple):
    """A file that was checked, or read for the check of another.

    Attributes:
        stamp: of the file.
        digest: of its content; empty where the file changed while it was read.
        findings: for each way of running in which it was checked, the findings' fields after the
            path.
    """

    stamp: Stamp
    digest: str
    findings: dict[str, list[list[Any]]]


class Links(NamedTuple):
    """What was asked for a file.

    Attributes:
        names: the simple names of the modules.
        files: the absolute paths of the files that were read.
    """

    names: list[str]
    files: list[str]

    def joined(self, other: Links | None) -> Links:
        """Give both together."""
        if other is None:
            return self
        return Links([*{*self.names, *other.names}], [*{*self.files, *other.files}])


@dataclass(slots=True)
class Grounds:
    """What results rest on besides the files' own content.

    Attributes:
        links: what was asked for each file, by absolute path.
        folders: the folders in which was looked.
        policies: the policies named, not found.
    """

    links: dict[str, Links] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    policies: set[str] = field(default_factory=set)

    def add(self, other: Grounds) -> None:
        """Add what other results rest on."""
        for asker, links in other.links.items():
            self.links[asker] = links.joined(self.links.get(asker))
        self.folders |= other.folders
        self.policies |= other.policies


class Memory:
    """What earlier runs left.

    Attributes:
        files: what is known of files, by absolute path.
        folders: for each folder in which was looked the stamp of its list, and its modules.
        policies: the digest of each file that may hold a policy.
    """

    def __init__(self) -> None:
        self.files: dict[str, Entry] = {}
        self.folders: dict[str, tuple[Stamp, list[str]]] = {}
        self.policies: dict[str, str] = {}
        self._links = b"{}"

    @classmethod
    def loaded(cls, data: dict[str, Any], links: bytes) -> Memory:
        """Take what was dumped.

        Raises:
            KeyError, TypeError, AttributeError: it is something else.
        """
        memory = cls()
        memory.files = {
            path: Entry(Stamp(*kept), content, findings)
            for path, (kept, content, findings) in data["files"].items()
        }
        memory.folders = {
            folder: (Stamp(*kept), names) for folder, (kept, names) in data["folders"].items()
        }
        memory.policies = data["policies"]
        memory._links = links
        return memory

    def dumped(self) -> tuple[dict[str, Any], bytes]:
        """Give all as data for JSON, and what was asked for files, as JSON."""
        data = {"files": self.files, "folders": self.folders, "policies": self.policies}
        return data, json.dumps(self.links, separators=(",", ":")).encode()

    @cached_property
    def links(self) -> dict[str, Links]:
        """What was asked for each file; read only when anything changed, for it is long."""
        return {path: Links(*links) for path, links in json.loads(self._links).items()}

    def forget_stale(self) -> bool:
        """Forget the findings that no longer hold.

        Returns:
            Whether anything was other than remembered.
        """
        names = self._renew_folders()
        if names & _DECISIVE or any(policy_digest(p) != d for p, d in self.policies.items()):
            for part in (self.files, self.folders, self.policies, self.links):
                part.clear()
            return True
        renewed_files, changed = self._renew_files()
        for path in self._resting_on(changed, {name.rstrip("/") for name in names}):
            if path in self.files:
                self.files[path] = self.files[path]._replace(findings={})
        return bool(names) or renewed_files

    def keep_ways(self, ways: Collection[str]) -> None:
        """Forget the findings of all other ways of running."""
        for path, entry in self.files.items():
            if not entry.findings.keys() <= set(ways):
                kept = {way: found for way, found in entry.findings.items() if way in ways}
                self.files[path] = entry._replace(findings=kept)

    def remember_findings(
        self, path: str, stamped: Stamp, content: str, way: str, findings: list[list[Any]]
    ) -> None:
        """Remember the findings of a file that was checked.

        Args:
            path: its absolute path.
            stamped: its stamp.
            content: the digest of what was checked.
            way: how is run.
            findings: the findings' fields after the path.
        """
        before = self.files.get(path)
        others = before.findings if before is not None and before.digest == content else {}
        self.files[path] = Entry(stamped, content, {**others, way: findings})

    def remember_folders(self, folders: Iterable[str], since: int) -> None:
        """Remember the modules of folders, and their policies.

        Args:
            folders: absolute paths, of which some may not exist.
            since: when the run began: a list that was changed later is not trusted.
        """
        for folder in folders:
            if folder not in self.folders and os.path.isdir(folder):
                stamped = stamp(folder)
                is_known = not is_changed_since(folder, since)
                self.folders[folder] = stamped, sorted(_modules_in(folder)) if is_known else []
                for name in _POLICY_FILES:
                    self.remember_policy(os.path.join(folder, name))

    def remember_policy(self, path: str) -> None:
        """Remember a file that may hold a policy, where it exists."""
        if os.path.lexists(path):
            self.policies[path] = policy_digest(path)

    def remember_policies_above(self, root: str) -> None:
        """Remember the files above a project that may hold its policy, those to come included."""
        if not os.path.lexists(os.path.join(root, ".git")):
            for folder in upward(os.path.dirname(root)):
                for name in _POLICY_FILES:
                    path = os.path.join(folder, name)
                    self.policies[path] = policy_digest(path)

    def remember_read(self, path: str, since: int) -> None:
        """Remember a file that was read for the check of another, after the run began."""
        seen = None if path in self.files else look(path)
        if seen is not None:
            is_known = not is_changed_since(path, since)
            self.files[path] = Entry(*seen, {}) if is_known else Entry(NONE, "", {})

    def remember_links(self, asker: str, new: Links) -> None:
        """Add to what was asked for a file."""
        self.links[asker] = new.joined(self.links.get(asker))

    def _renew_folders(self) -> set[str]:
        """Look again at the folders that changed and give the modules that came or went."""
        changed: set[str] = set()
        for folder, (kept, names) in list(self.folders.items()):
            if is_as_of(folder, kept):
                continue
            seen, now = stamp(folder), set(_modules_in(folder))
            for name in now ^ set(names):
                changed.add(name)
                if name.endswith("/"):  # what a new folder holds is new as well
                    changed |= {*_modules_in(os.path.join(folder, name))} - _DECISIVE
            self.folders[folder] = seen, sorted(now)
            if not os.path.isdir(folder):
                del self.folders[folder]
        return changed

    def _renew_files(self) -> tuple[bool, set[str]]:
        """Stamp the files again; tell whether any stamp is new, and which contents are."""
        touched = [path for path, entry in self.files.items() if not is_as_of(path, entry.stamp)]
        changed = set()
        for path in touched:
            entry, seen = self.files.pop(path), look(path)
            if seen is not None:
                self.files[path] = Entry(*seen, entry.findings)
            if seen is None or seen[1] != entry.digest:
                changed.add(path)
                self.links.pop(path, None)
        return bool(touched), changed

    def _resting_on(self, changed: set[str], names: set[str]) -> Iterator[str]:
        """Give the changed files and all whose findings rest on one of them or on a name."""
        if not changed and not names:
            return
        askers = defaultdict(list)
        stale = list(changed)
        for asker, asked in self.links.items():
            for file in asked.files:
                askers[file].append(asker)
            if names and (ANY_NAME in asked.names or not names.isdisjoint(asked.names)):
                stale.append(asker)
        seen: set[str] = set()
        while stale:
            path = stale.pop()
            if path not in seen:
                seen.add(path)
                yield path
                stale += askers[path]


def policy_digest(path: str) -> str:
    """Give a hash of what a file says of the policy: most projects' files say nothing of it."""
    try:
        content = read_file(path)
    except OSError as error:
        return type(error).__name__
    names_it = b"dbsession" in content or not path.endswith("pyproject.toml")
    return digest(content) if names_it else ""


def _modules_in(folder: str) -> Iterator[str]:
    """Give what an import may find in a folder, folders with a slash; and what is decisive."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name in _DECISIVE:
                    yield entry.name
                elif entry.name.endswith(".py"):
                    yield entry.name[:-3]
                elif entry.name[0] not in "._" and entry.is_dir():
                    yield f"{entry.name}/"
    except OSError:
        return
