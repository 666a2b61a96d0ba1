"""A run over many files: cached results first, then several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from flake8_dbsession.checking.caching.cache import Cache
from flake8_dbsession.checking.caching.run_keys import configurations, run_key
from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.checking.suppression.baseline_place import baseline_file
from flake8_dbsession.failures import BROKEN_POLICY

if TYPE_CHECKING:
    import argparse

    from flake8_dbsession.checking.running.file_check import Checked

# flake8 looks for plugins by the first, which are not loaded here; and by the second into them.
# The others are of ``shutil``, which argparse asks how wide the terminal is.
_NOT_NEEDED = ("importlib.metadata", "inspect", "bz2", "lzma")

Track = Callable[[Iterator["Checked"], int], Iterable["Checked"]]
"""Passes results on as they come, given how many there will be: for a progress bar."""


def _untracked(results: Iterator[Checked], total: int) -> Iterable[Checked]:
    return results


class Run:
    """A run under flake8's settings.

    Args:
        arguments: of flake8's command line.
        caching: whether results are kept for later runs, and taken from earlier ones.
        cache_folder: the folder in which they are kept, where the user names one.
    """

    def __init__(
        self, arguments: Sequence[str], *, caching: bool = False, cache_folder: str | None = None
    ) -> None:
        self._arguments = arguments
        self._cache = Cache(run_key(arguments), cache_folder) if caching else None

    # What follows is imported where it is used: a run that finds all in its cache needs none of it.

    @cached_property
    def options(self) -> argparse.Namespace:
        """flake8's options.

        Raises:
            RunError: a configuration file holds something that flake8 does not take.
        """
        from flake8_dbsession.checking.running.lazily import put_off

        for name in _NOT_NEEDED:
            put_off(name)
        from flake8_dbsession.checking.running.settings import flake8_options

        return flake8_options(self._arguments)

    @cached_property
    def baseline(self) -> str | None:
        """The baseline that flake8's configuration names, or the policy, or at the default place.

        Raises:
            RunError: a configuration file holds something that flake8 does not take.
        """
        words = (b"baseline", b"dbsession-policy", b"dbsession_policy")
        if not any(word in text for word in words for _, text in configurations()):
            return baseline_file(None)
        return baseline_file(self.options.dbsession_baseline, self.options.dbsession_policy)

    @property
    def policy(self) -> str | None:
        """The policy that flake8's configuration names; None for the one that is found.

        Raises:
            RunError: a configuration file holds something that flake8 does not take.
        """
        words = (b"dbsession-policy", b"dbsession_policy")
        is_named = any(word in text for word in words for _, text in configurations())
        return self.options.dbsession_policy if is_named else None

    def baseline_over(self, named: str | None) -> str | None:
        """Give the baseline of a run whose command line may name another, or ``none``."""
        return self.baseline if named is None else baseline_file(named)

    def files(self, paths: Sequence[str]) -> list[str]:
        """Find the files to check.

        Args:
            paths: files, folders, or ``-`` for standard input.

        Raises:
            RunError: a path does not exist.
        """
        known = self._cache.files(paths) if self._cache else None
        if known is not None:
            return known
        from flake8_dbsession.checking.files.discovery import search

        found = search(paths, [*self.options.exclude, *self.options.extend_exclude])
        if self._cache:
            self._cache.keep_files(found)
        return found.files

    def findings(
        self, files: Sequence[str], *, jobs: int | None = None, track: Track = _untracked
    ) -> list[Finding]:
        """Check files.

        Args:
            files: their paths, as the report is to name them.
            jobs: how many processes may work; None: as flake8's ``jobs`` says.
            track: sees each result pass.

        Returns:
            What flake8 would report of them, in its order.

        Raises:
            PolicyError: the policy or preset that the options name cannot be used.
        """
        known = self._cache.findings(files) if self._cache else {}
        rest = [file for file in dict.fromkeys(files) if file not in known]
        if rest:
            for result in self._checked(rest, jobs, track):
                known[result.path] = result.findings
        found = [finding for file in files for finding in known[file]]
        # A broken policy is said once, not for each file under it.
        policies = {finding: None for finding in found if finding.code == BROKEN_POLICY}
        found = [*policies, *(finding for finding in found if finding.code != BROKEN_POLICY)]
        found.sort(key=lambda finding: finding.path)
        if self._cache:
            if self.baseline is not None:
                self._cache.keep_filtered()
            elif not policies:
                self._cache.keep_found(files, found)
            self._cache.save()
        return found

    def _checked(self, files: list[str], jobs: int | None, track: Track) -> list[Checked]:
        from flake8_dbsession.checking.caching.memory import Grounds
        from flake8_dbsession.checking.running.workers import check

        grounds = Grounds()
        results = list(track(check(files, self.options, jobs, grounds), len(files)))
        if self._cache:
            self._cache.keep(results, grounds)
        return results
