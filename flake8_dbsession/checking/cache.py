"""What earlier runs over a project left for later ones, for as long as it holds."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.checking.memory import Grounds, Memory
from flake8_dbsession.checking.records import read_record, record_of, write_record
from flake8_dbsession.checking.stamps import Stamp, is_as_of, stamp
from flake8_dbsession.checking.versions import state_of_code
from flake8_dbsession.digests import digest, digest_of_texts
from flake8_dbsession.reading import read_file
from flake8_dbsession.roots import project_root, upward

if TYPE_CHECKING:
    from flake8_dbsession.checking.discovery import Found
    from flake8_dbsession.checking.file_check import Checked

_CONFIGURATIONS = ("setup.cfg", "tox.ini", ".flake8")
_MOST_WAYS = 4
_MOST_WALKS = 4
_FIELDS = Finding._fields[1:]  # all but the path, which each run spells its own way
_TICK = 20_000_000  # nanoseconds by which the time of a change may lag behind the clock


def way_of(arguments: Iterable[str]) -> str:
    """Give the key of a way of running.

    Args:
        arguments: those of flake8.

    Returns:
        A hash of them, of the working directory, of where the user's own settings lie, and of the
        content of flake8's configuration files there and above.
    """
    homes = (os.environ.get(name, "") for name in ("HOME", "XDG_CONFIG_HOME"))
    parts = [os.getcwd(), *homes, *arguments]
    for path, content in configurations():
        parts += path, digest(content)
    return digest_of_texts(parts)


def configurations() -> Iterator[tuple[str, bytes]]:
    """Give the files that may configure flake8, in the working directory and above it."""
    for folder in upward(os.getcwd()):
        for name in _CONFIGURATIONS:
            path = os.path.join(folder, name)
            with suppress(OSError):
                yield path, read_file(path)


class Cache:
    """The results of earlier runs over the project around the working directory.

    Args:
        way: the key of how is run.
        folder: the folder of the records, where the user names one.
    """

    def __init__(self, way: str, folder: str | None = None) -> None:
        self._way = way
        self._root = project_root(os.getcwd())
        self._path = record_of(self._root, folder)
        self._since = time.time_ns() - _TICK
        self._code = state_of_code()
        self._memory, self._walks, ways = self._loaded()
        self._ways = [way, *(other for other in ways if other != way)][:_MOST_WAYS]
        self._is_saved = True

    def files(self, paths: Sequence[str]) -> list[str] | None:
        """Give the files that an earlier run found at paths; None where they may be others now."""
        walk = self._walks.get(self._walk_key(paths))
        if walk is None or not all(map(os.path.lexists, paths)):
            return None
        found: list[str] = walk["files"]
        return found if all(_is_as_kept(path, kept) for path, kept in walk["rests_on"]) else None

    def keep_files(self, paths: Sequence[str], found: Found) -> None:
        """Keep the files that were found at paths."""
        if found.folders and found.is_whole:
            rests_on = [(path, _kept(path)) for path in (*found.folders, *found.ignores)]
            key = self._walk_key(paths)
            self._walks.pop(key, None)
            self._walks[key] = {"files": found.files, "rests_on": rests_on}
            self._is_saved = False

    def findings(self, files: Iterable[str]) -> dict[str, list[Finding]]:
        """Give the findings that still hold.

        Args:
            files: the files asked about, as the user named them.

        Returns:
            The findings by file; a file whose findings are not known is left out.
        """
        if self._memory.forget_stale():
            self._is_saved = False
        known, here = {}, os.getcwd()
        for file in files:
            entry = self._memory.files.get(os.path.normpath(os.path.join(here, file)))
            found = None if entry is None or file == "-" else entry.findings.get(self._way)
            if found is not None:
                known[file] = [Finding(file, *fields) for fields in found]
        return known

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
            memory.remember_policy(policy)
        for root in {project_root(folder) for folder in holders}:
            memory.remember_policies_above(root)

    def save(self) -> None:
        """Write all down, where anything is new and it can be written."""
        if self._path is None or self._is_saved:
            return
        with suppress(OSError):
            write_record(self._path, self._dumped())

    def _walk_key(self, paths: Sequence[str]) -> str:
        return "\0".join((self._way, *paths))

    def _loaded(self) -> tuple[Memory, dict[str, Any], list[str]]:
        """Read the record; one that is missing, damaged or of other code is as good as none."""
        try:
            main, _, links = read_record(self._path or "").partition(b"\n")
            data = json.loads(main)
            if data["code"] == self._code:
                return Memory.loaded(data, links), data["walks"], data["ways"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            pass
        return Memory(), {}, []

    def _dumped(self) -> bytes:
        self._memory.keep_ways(self._ways)
        data, links = self._memory.dumped()
        walks = dict(list(self._walks.items())[-_MOST_WALKS:])
        head = {"code": self._code, "ways": self._ways, "walks": walks}
        return json.dumps({**head, **data}, separators=(",", ":")).encode() + b"\n" + links


def _project_folders(folder: str) -> Iterator[str]:
    """Give a folder and those above it, up to the root of its project."""
    root = project_root(folder)
    for above in upward(folder):
        yield above
        if above == root:
            return


def _kept(path: str) -> Stamp | None:
    """Give the stamp of a file or folder; None where there is none."""
    return stamp(path) if os.path.exists(path) else None


def _is_as_kept(path: str, kept: list[int] | None) -> bool:
    return not os.path.exists(path) if kept is None else is_as_of(path, Stamp(*kept))
