"""What earlier runs over a project left for later ones, for as long as it holds."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from flake8_dbsession.checking.caching.memory import Grounds, Memory, Walk
from flake8_dbsession.checking.caching.records import UNUSABLE, read_record, record_of, write_record
from flake8_dbsession.checking.caching.run_keys import walk_key
from flake8_dbsession.checking.caching.versions import installation, state_of_code
from flake8_dbsession.checking.findings import Finding, exit_code, text_of
from flake8_dbsession.roots import project_root, upward

if TYPE_CHECKING:
    from flake8_dbsession.checking.files.discovery import FoundFiles
    from flake8_dbsession.checking.running.file_check import Checked

_MOST_WAYS = 4
_MOST_WALKS = 4
_MOST_REPORTS = 16
_FIELDS = Finding._fields[1:]  # all but the path, which each run spells its own way
_TICK = 20_000_000  # nanoseconds by which the time of a change may lag behind the clock


class Cache:
    """The results of earlier runs over the project around the working directory.

    Args:
        way: the key of the run, from its arguments and settings.
        folder: the folder of the records, where the user names one.
    """

    def __init__(self, way: str, folder: str | None = None) -> None:
        self._way = way
        self._path = record_of(project_root(os.getcwd()), folder)
        self._since = time.time_ns() - _TICK
        self._installation = installation()
        self._is_saved = True
        self._filtered: set[str] = set()
        self._memory, ways, self._code = self._loaded()
        if self._memory.forget_stale():
            self._is_saved = False
        self._ways = [way, *(other for other in ways if other != way)][:_MOST_WAYS]
        self._walk, self._paths = "", list[str]()

    def files(self, paths: Sequence[str]) -> list[str] | None:
        """Give the files that an earlier run found at paths; None where they may be others now."""
        self._walk, self._paths = walk_key(self._way, paths), list(paths)
        walk = self._memory.walks.get(self._walk)
        return walk.files if walk and all(map(os.path.lexists, paths)) else None

    def keep_files(self, found: FoundFiles) -> None:
        """Keep the files that were found at the paths that were asked about last."""
        if found.folders and found.is_whole:
            walk = Walk(found.files, [*found.folders, *found.ignores], None)
            self._memory.remember_walk(self._walk, walk, self._since)
            for old in list(self._memory.walks)[:-_MOST_WALKS]:
                del self._memory.walks[old]
                self._memory.reports.pop(old, None)
            self._is_saved = False

    def findings(self, files: Iterable[str]) -> dict[str, list[Finding]]:
        """Give the findings that still hold.

        Args:
            files: the files asked about, as the user named them.

        Returns:
            The findings by file; a file whose findings are not known is left out.
        """
        known, here = {}, os.getcwd()
        for file in files:
            entry = self._memory.files.get(os.path.normpath(os.path.join(here, file)))
            found = None if entry is None or file == "-" else entry.findings.get(self._way)
            if found is not None:
                known[file] = [Finding(file, *fields) for fields in found]
        return known

    def keep_found(self, files: Sequence[str], found: Sequence[Finding]) -> None:
        """Keep all that a run reports, for one that finds nothing changed."""
        self._is_saved &= self._way not in self._filtered
        self._filtered.discard(self._way)
        memory, walk = self._memory, self._memory.walks.get(self._walk)
        is_whole = files == (walk.files if walk else self._paths)
        if not is_whole or self._walk in memory.reports or len(self.findings(files)) != len(files):
            return
        if walk:
            memory.walks[self._walk] = walk._replace(found=[list(each) for each in found])
        memory.reports[self._walk] = f"{exit_code(found)}{text_of(found)}"
        for old in list(memory.reports)[:-_MOST_REPORTS]:
            del memory.reports[old]
        self._is_saved = False

    def keep_filtered(self) -> None:
        """Keep that a baseline leaves out some of what is found in this way of running."""
        self._is_saved &= self._way in self._filtered
        self._filtered.add(self._way)
        reports = self._memory.reports
        for key in [key for key in reports if key.startswith(self._way)]:
            del reports[key]

    def keep(self, checked: Iterable[Checked], grounds: Grounds) -> None:
        """Keep the results of files that were checked.

        Args:
            checked: the results.
            grounds: what they rest on.
        """
        self._is_saved = False
        memory = self._memory
        for each in checked:
            if each.content is not None:
                fields = [[getattr(f, name) for name in _FIELDS] for f in each.findings]
                path = os.path.abspath(each.path)
                memory.remember_findings(path, *each.content, self._way, fields)
        for asker, links in grounds.links.items():
            memory.remember_links(asker, links)
        for file in {file for links in grounds.links.values() for file in links.files}:
            memory.remember_read(file, self._since)
        holders = {os.path.dirname(path) for path in memory.files}
        memory.remember_folders(grounds.folders.union(*map(_project_folders, holders)), self._since)
        for policy in grounds.policies:
            memory.remember_policy(policy, self._since)
        for root in {project_root(folder) for folder in holders}:
            memory.remember_policies_above(root, self._since)

    def save(self) -> None:
        """Write all down, where anything is new and it can be written."""
        if self._path is None or self._is_saved:
            return
        with suppress(OSError):
            write_record(self._path, self._dumped())

    def _loaded(self) -> tuple[Memory, list[str], str]:
        """Read the record; one that is missing, damaged or of other code is as good as none."""
        code = ""
        try:
            installed, stamps, reports, first, *rest = read_record(self._path or "")
            head = json.loads(first)
            self._is_saved = installed == self._installation
            code = head["code"] if self._is_saved else state_of_code()
            if code == head["code"]:
                self._filtered.update(head["filtered"])
                return Memory.loaded(stamps, reports, head, *rest), head["ways"], code
        except UNUSABLE:
            pass
        return Memory(), [], code or state_of_code()

    def _dumped(self) -> tuple[bytes, ...]:
        self._memory.keep_ways(self._ways)
        filtered = [way for way in self._ways if way in self._filtered]
        stamps, reports, head, *rest = self._memory.dumped()
        state = {"code": self._code, "ways": self._ways, "filtered": filtered}
        first = json.dumps({**state, **head}, separators=(",", ":")).encode()
        return self._installation, stamps, reports, first, *rest


def _project_folders(folder: str) -> Iterator[str]:
    """Give a folder and those above it, up to the root of its project."""
    root = project_root(folder)
    for above in upward(folder):
        yield above
        if above == root:
            return
