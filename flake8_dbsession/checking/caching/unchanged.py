"""A run that finds nothing changed: it reads one record, and asks for times and sizes.

It imports next to nothing: Python takes as long for ``json``, ``re`` and ``typing`` as for all else
that is done here.
"""

from __future__ import annotations

import os

from flake8_dbsession.checking.caching.pairs import pairs_in
from flake8_dbsession.checking.caching.records import UNUSABLE, read_record, record_of
from flake8_dbsession.checking.caching.run_keys import flake8_arguments, run_key, walk_key
from flake8_dbsession.checking.caching.stamps import changed
from flake8_dbsession.checking.caching.versions import installation
from flake8_dbsession.roots import project_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from flake8_dbsession.checking.findings import Finding


def unchanged() -> Unchanged | None:
    """Give what is known of the project around the working directory.

    Returns:
        What the last runs of ``dbsession check`` reported; None where anything changed since that
        it rests on, or may have.
    """
    try:
        path = record_of(project_root(os.getcwd()))
        installed, stamps, reports, *rest = read_record(path or "")
        if installed != installation() or next(changed(pairs_in(stamps)), None) is not None:
            return None
        return Unchanged(run_key(flake8_arguments()), dict(pairs_in(reports)), rest)
    except UNUSABLE:
        return None


class Unchanged:
    """What is known of a project in which nothing changed.

    Args:
        way: the key of the run.
        reports: the reports of whole runs.
        rest: the other parts of the record.
    """

    def __init__(self, way: str, reports: dict[str, str], rest: list[bytes]) -> None:
        self._way = way
        self._reports = reports
        self._rest = rest

    def report(self, paths: Sequence[str]) -> tuple[int, str] | None:
        """Give the exit code and the plain text of a run over some paths; None if not known.

        Args:
            paths: files and folders.
        """
        kept = self._reports.get(walk_key(self._way, paths))
        return None if kept is None else (int(kept[0]), kept[1:])

    def findings(self, paths: Sequence[str]) -> list[Finding] | None:
        """Give what a run over some paths finds; None where it is not known.

        Args:
            paths: files and folders.
        """
        import json

        from flake8_dbsession.checking.findings import Finding

        try:
            head, body, _ = self._rest
            known = json.loads(head)
            if self._way in known["filtered"]:
                return None
            _, _, found = known["walks"].get(walk_key(self._way, paths)) or (None, None, None)
            if found is None:
                found = self._of_files(paths, json.loads(body)["files"])
            return None if found is None else [Finding(*fields) for fields in found]
        except UNUSABLE:
            return None

    def _of_files(self, paths: Sequence[str], files: dict[str, Any]) -> list[list[Any]] | None:
        """Give the findings of files that are named; None where there is one that is not known."""
        found = []
        for path in dict.fromkeys(paths):
            of_file = files[os.path.abspath(path)][1].get(self._way)
            if of_file is None:
                return None
            found += [[path, *fields] for fields in of_file]
        return sorted(found, key=lambda fields: fields[0])
