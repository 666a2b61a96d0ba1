"""What earlier runs found, with all that it rests on.

The findings of a file rest on its own content, on that of each file that its imports led to, on
which modules there are, and on the policies. They are kept for each way of running
(``run_keys.py``). ``cache.py`` lets a whole record go when the code or the installation is another
(``versions.py``), and ``unchanged.py`` answers at once where every stamp is the same.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Set
from functools import cached_property
from typing import Any

from flake8_dbsession.analysis.source.requirements import FILES, LOCKS
from flake8_dbsession.checking.caching.pairs import of_pairs, pairs_in
from flake8_dbsession.checking.caching.run_keys import CONFIGURATIONS
from flake8_dbsession.checking.caching.stamps import (
    ABSENT,
    UNTRUSTED,
    Stamp,
    is_changed_since,
    look,
    stamp,
)
from flake8_dbsession.checking.caching.stamps import changed as changed_of
from flake8_dbsession.digests import digest
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.policy.files import OWN_FILE, PROJECT_FILE
from flake8_dbsession.reading import read_file
from flake8_dbsession.roots import upward

ANY_NAME = "*"
"""Stands among the names that a file asked for where every module counts."""

_POLICY_FILES = (OWN_FILE, PROJECT_FILE)
# What may change the results of every file when it comes or goes.
_DECISIVE = frozenset(
    {
        *_POLICY_FILES,
        *CONFIGURATIONS,
        "__init__.py",
        ".git",
        ".hg",
        "setup.py",
        "requirements/",
        *(name.rpartition("/")[2] for name in (*FILES, *LOCKS)),
    }
)


class Entry(NamedTuple):
    """A file that was checked, or read for the check of another.

    Attributes:
        digest: of its content; empty where the file changed while it was read.
        findings: for each way of running in which it was checked, the findings' fields after the
            path.
    """

    digest: str
    findings: dict[str, list[list[Any]]]


class Walk(NamedTuple):
    """A walk through folders, in one way of running.

    Attributes:
        files: the files found, as a report names them.
        rests_on: the folders that were listed, and the files that say what is ignored.
        found: the fields of all that a run over these files reports; None where that has to be put
            together.
    """

    files: list[str]
    rests_on: list[str]
    found: list[list[Any]] | None


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


class Grounds:
    """What results rest on besides the files' own content.

    Attributes:
        links: what was asked for each file, by absolute path.
        folders: the folders in which was looked.
        policies: the policies named, not found.
    """

    def __init__(self) -> None:
        self.links: dict[str, Links] = {}
        self.folders: set[str] = set()
        self.policies: set[str] = set()

    def link(self, asker: str, links: Links) -> None:
        """Add what was asked for a file."""
        self.links[asker] = links.joined(self.links.get(asker))

    def add(self, other: Grounds) -> None:
        """Add what other results rest on."""
        for asker, links in other.links.items():
            self.link(asker, links)
        self.folders |= other.folders
        self.policies |= other.policies


class Memory:
    """What earlier runs left.

    Attributes:
        stamps: of all that it rests on.
        files: what is known of files, by absolute path.
        folders: the modules of each folder in which was looked.
        policies: the digest of each file that may hold a policy.
        walks: the walks by way of running and paths.
        reports: the exit codes and plain texts of runs, by the same, while nothing changes.
    """

    def __init__(self) -> None:
        self.stamps: dict[str, Stamp] = {}
        self.reports: dict[str, str] = {}
        self.files: dict[str, Entry] = {}
        self.folders: dict[str, list[str]] = {}
        self.policies: dict[str, str] = {}
        self.walks: dict[str, Walk] = {}
        self._links = b"{}"

    @classmethod
    def loaded(
        cls, stamps: bytes, reports: bytes, head: dict[str, Any], body: bytes, links: bytes
    ) -> Memory:
        """Take what was dumped.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: it is something else.
        """
        memory, data = cls(), json.loads(body)
        memory.stamps = dict(pairs_in(stamps))
        memory.reports = dict(pairs_in(reports))
        memory.walks = {key: Walk(*walk) for key, walk in head["walks"].items()}
        memory.files = {path: Entry(*entry) for path, entry in data["files"].items()}
        memory.folders = data["folders"]
        memory.policies = data["policies"]
        memory._links = links
        return memory

    def dumped(self) -> tuple[bytes, bytes, dict[str, Any], bytes, bytes]:
        """Give the stamps and reports, the head, what only those need that look, and the links."""
        body = {"files": self.files, "folders": self.folders, "policies": self.policies}
        plain = of_pairs(self.stamps), of_pairs(self.reports)
        return *plain, {"walks": self.walks}, _dumped(body), _dumped(self.links)

    @cached_property
    def links(self) -> dict[str, Links]:
        """What was asked for each file; read only when anything changed, for it is long."""
        return {path: Links(*links) for path, links in json.loads(self._links).items()}

    def forget_stale(self) -> bool:
        """Forget what no longer holds.

        Returns:
            Whether anything was other than remembered.
        """
        changed = set(changed_of(self.stamps.items()))
        if not changed:
            return False
        self.reports.clear()
        names = self._renew_folders(changed)
        if names & _DECISIVE or self._renew_policies(changed):
            for part in (self.stamps, self.files, self.folders, self.policies, self.links):
                part.clear()
            self.walks.clear()
            return True
        for key, walk in list(self.walks.items()):
            if not changed.isdisjoint(walk.rests_on):
                del self.walks[key]
            else:
                self.walks[key] = walk._replace(found=None)
        others = self._renew_files(changed)
        for path in changed - self.files.keys() - self.folders.keys() - self.policies.keys():
            self.stamps.pop(path, None)
        for path in self._resting_on(others, {name.rstrip("/") for name in names}):
            if path in self.files:
                self.files[path] = self.files[path]._replace(findings={})
        return True

    def keep_ways(self, ways: Collection[str]) -> None:
        """Forget the findings of all other ways of running."""
        for path, entry in self.files.items():
            if not entry.findings.keys() <= set(ways):
                kept = {way: found for way, found in entry.findings.items() if way in ways}
                self.files[path] = entry._replace(findings=kept)

    def remember_walk(self, key: str, walk: Walk, since: int) -> None:
        """Remember a walk as the latest.

        Args:
            key: its way of running and its paths.
            walk: the walk.
            since: when it began: what changed later is not trusted.
        """
        self.walks.pop(key, None)
        self.walks[key] = walk
        for path in walk.rests_on:
            seen = _stamp_of_known(path, since)
            if path in self.folders and seen != self.stamps[path]:  # looked at before, by another
                seen = UNTRUSTED
            self.stamps[path] = seen

    def remember_findings(
        self, path: str, stamped: Stamp, content: str, way: str, findings: list[list[Any]]
    ) -> None:
        """Remember the findings of a file that was checked.

        Args:
            path: its absolute path.
            stamped: its stamp.
            content: the digest of what was checked.
            way: the key of the run.
            findings: the findings' fields after the path.
        """
        before = self.files.get(path)
        others = before.findings if before is not None and before.digest == content else {}
        self.files[path] = Entry(content, {**others, way: findings})
        self.stamps[path] = stamped

    def remember_folders(self, folders: Iterable[str], since: int) -> None:
        """Remember the modules of folders, and their policies.

        Args:
            folders: absolute paths, of which some may not exist.
            since: when the run began: a list that was changed later is not trusted.
        """
        for folder in folders:
            if folder not in self.folders and os.path.isdir(folder):
                self.stamps[folder] = _stamp_of_known(folder, since)
                is_known = self.stamps[folder] != UNTRUSTED
                self.folders[folder] = sorted(_modules_in(folder)) if is_known else []
                for name in _POLICY_FILES:
                    path = os.path.join(folder, name)
                    if os.path.lexists(path):
                        self.remember_policy(path, since)

    def remember_policy(self, path: str, since: int) -> None:
        """Remember a file that may hold a policy, or that there is none.

        Args:
            path: its absolute path.
            since: when the run began: what was changed later was not what the run read.
        """
        self.stamps[path] = seen = _stamp_of_known(path, since)
        self.policies[path] = "" if seen == UNTRUSTED else policy_digest(path)

    def remember_policies_above(self, root: str, since: int) -> None:
        """Remember the files above a project that may hold its policy, those to come included."""
        if not os.path.lexists(os.path.join(root, ".git")):
            for folder in upward(os.path.dirname(root)):
                for name in _POLICY_FILES:
                    self.remember_policy(os.path.join(folder, name), since)

    def remember_read(self, path: str, since: int) -> None:
        """Remember a file that was read for the check of another, after the run began."""
        seen = None if path in self.files else look(path)
        if seen is not None:
            is_known = not is_changed_since(path, since)
            self.stamps[path], content = seen if is_known else (UNTRUSTED, "")
            self.files[path] = Entry(content, {})

    def remember_links(self, asker: str, new: Links) -> None:
        """Add to what was asked for a file."""
        self.links[asker] = new.joined(self.links.get(asker))

    def _renew_folders(self, changed: Set[str]) -> set[str]:
        """Look again at the folders that changed and give the modules that came or went."""
        names: set[str] = set()
        for folder in changed & self.folders.keys():
            self.stamps[folder], now = stamp(folder), set(_modules_in(folder))
            for name in now ^ set(self.folders[folder]):
                names.add(name)
                if name.endswith("/"):  # what a new folder holds is new as well
                    names |= {*_modules_in(os.path.join(folder, name))} - _DECISIVE
            self.folders[folder] = sorted(now)
            if not os.path.isdir(folder):
                del self.folders[folder], self.stamps[folder]
        return names

    def _renew_policies(self, changed: Set[str]) -> bool:
        """Look again at the policies that changed; tell whether any says something else."""
        policies = changed & self.policies.keys()
        self.stamps.update({path: stamp(path) for path in policies})
        return any(policy_digest(path) != self.policies[path] for path in policies)

    def _renew_files(self, changed: Set[str]) -> set[str]:
        """Look again at the files that changed, and give those with another content."""
        others = set()
        for path in changed & self.files.keys():
            entry, seen = self.files[path], look(path)
            if seen is None:
                del self.files[path], self.stamps[path]
            else:
                self.stamps[path], content = seen
                self.files[path] = Entry(content, entry.findings)
            if seen is None or content != entry.digest:
                others.add(path)
                self.links.pop(path, None)
        return others

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


def _stamp_of_known(path: str, since: int) -> Stamp:
    """Stamp what was looked at after a moment; what changed since then is not trusted."""
    seen = stamp(path)
    return seen if seen == ABSENT or not is_changed_since(path, since) else UNTRUSTED


def _dumped(data: object) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode()


def policy_digest(path: str) -> str:
    """Give a hash of what a file says of the policy: most projects' files say nothing of it."""
    try:
        content = read_file(path)
    except OSError as error:
        return type(error).__name__
    names_it = b"dbsession" in content or not path.endswith(PROJECT_FILE)
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
