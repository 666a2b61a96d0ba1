"""Where the results of earlier runs are kept: a file for each way of running, in one folder."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from flake8_dbsession.checking.cache_folder import FOLDER, make_folder, read, state_of_code, write
from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.checking.memory import Entry, Grounds, Memory
from flake8_dbsession.checking.stamps import is_as_of, modified
from flake8_dbsession.digests import digest, digest_of_texts

if TYPE_CHECKING:
    from flake8_dbsession.checking.discovery import Found
    from flake8_dbsession.checking.file_check import Checked

_CONFIGURATIONS = ("setup.cfg", "tox.ini", ".flake8")
_MOST_CACHES = 12
_MOST_WALKS = 4
_FIELDS = Finding.__slots__[1:]  # all but the path, which each run spells its own way
_TICK = 20_000_000  # nanoseconds by which the time of a change may lag behind the clock


def cache_folder() -> str:
    """Give the cache's folder, at the root of the repository around the working directory."""
    return os.path.join(_root(os.getcwd()), FOLDER)


def settings_key(arguments: Iterable[str]) -> str:
    """Give the key of what holds for a whole run.

    Args:
        arguments: those of flake8.

    Returns:
        A hash of them, of the working directory, of the content of flake8's configuration files
        there and above, and of the code of this package, of flake8 and of Python.
    """
    parts = [os.getcwd(), *state_of_code(), *arguments]
    for path, content in configurations():
        parts += path, digest(content)
    return digest_of_texts(parts)


def configurations() -> Iterator[tuple[str, bytes]]:
    """Give the files that may configure flake8, in the working directory and above it."""
    for folder in _upward(os.getcwd()):
        for name in _CONFIGURATIONS:
            path = os.path.join(folder, name)
            with suppress(OSError), open(path, "rb") as file:
                yield path, file.read()


class Cache:
    """The results of earlier runs under the same settings.

    Args:
        folder: where they are kept.
        key: of the settings.
    """

    def __init__(self, folder: str, key: str) -> None:
        self._folder = folder
        self._path = os.path.join(folder, f"{key}.json")
        self._since = time.time_ns() - _TICK
        self._memory, self._walks = _loaded(self._path)
        self._is_saved = True

    def files(self, paths: Sequence[str]) -> list[str] | None:
        """Give the files that an earlier run found at paths; None where they may be others now."""
        walk = self._walks.get("\0".join(paths))
        if walk is None or not all(map(os.path.lexists, paths)):
            return None
        found: list[str] = walk["files"]
        return found if all(_is_as_kept(path, time) for path, time in walk["rests_on"]) else None

    def keep_files(self, paths: Sequence[str], found: Found) -> None:
        """Keep the files that were found at paths."""
        if found.folders and found.is_whole:
            rests_on = [(path, _kept(path)) for path in (*found.folders, *found.ignores)]
            key = "\0".join(paths)
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
            if entry is not None and entry.findings is not None and file != "-":
                known[file] = [Finding(file, *fields) for fields in entry.findings]
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
            if each.stamp is not None:
                fields = [[getattr(f, name) for name in _FIELDS] for f in each.findings]
                memory.files[os.path.abspath(each.path)] = Entry(*each.stamp, fields)
        for asker, links in grounds.links.items():
            memory.remember_links(asker, links)
        for file in {file for links in grounds.links.values() for file in links.files}:
            memory.remember_read(file, self._since)
        holders = {os.path.dirname(path) for path in memory.files}
        folders = {above for folder in holders for above in _upward(folder)}
        memory.remember_folders(folders | grounds.folders, self._since)
        for policy in grounds.policies:
            memory.remember_policy(policy)

    def save(self) -> None:
        """Write all down, where anything is new and it can be written."""
        if self._is_saved:
            return
        with suppress(OSError):
            make_folder(self._folder)
            write(self._path, self._dumped())
            _drop_oldest(self._folder)

    def _dumped(self) -> bytes:
        data, links = self._memory.dumped()
        walks = dict(list(self._walks.items())[-_MOST_WALKS:])
        main = json.dumps({**data, "walks": walks}, separators=(",", ":")).encode()
        return main + b"\n" + links


def _loaded(path: str) -> tuple[Memory, dict[str, Any]]:
    """Read a cache; one that is missing, damaged or of another form is as good as none."""
    try:
        main, _, links = read(path).partition(b"\n")
        data = json.loads(main)
        return Memory.loaded(data, links), data["walks"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Memory(), {}


def _kept(path: str) -> int | None:
    """Give when a file or folder was last modified; None where there is none."""
    return modified(path) if os.path.exists(path) else None


def _is_as_kept(path: str, time: int | None) -> bool:
    return not os.path.exists(path) if time is None else is_as_of(path, time)


def _drop_oldest(folder: str) -> None:
    """Delete the caches that were not written for longest, when there are many."""
    with os.scandir(folder) as entries:
        caches = [entry for entry in entries if entry.name.endswith((".json", ".tmp"))]
    caches.sort(key=lambda entry: entry.stat().st_mtime_ns)
    for entry in caches[:-_MOST_CACHES]:
        os.unlink(entry.path)


def _root(folder: str) -> str:
    """Give the root of the repository around a folder; the folder itself outside of any."""
    above = list(_upward(folder))
    return above[-1] if os.path.lexists(os.path.join(above[-1], ".git")) else folder


def _upward(folder: str) -> Iterator[str]:
    """Give a folder and those above it, up to the root of its repository."""
    while True:
        yield folder
        parent = os.path.dirname(folder)
        if parent == folder or os.path.lexists(os.path.join(folder, ".git")):
            return
        folder = parent
