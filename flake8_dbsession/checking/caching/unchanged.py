"""A run that finds nothing changed: it reads one record, and asks for times and sizes."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from flake8_dbsession.checking.caching.records import UNUSABLE, read_record, record_of
from flake8_dbsession.checking.caching.run_keys import flake8_arguments, run_key, walk_key
from flake8_dbsession.checking.caching.stamps import changed
from flake8_dbsession.checking.caching.versions import installation
from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.roots import project_root


def reported(paths: Sequence[str]) -> list[Finding] | None:
    """Give what ``dbsession check`` reported of some paths when it was last run.

    Args:
        paths: files and folders.

    Returns:
        The findings; None where anything changed since that they rest on, or may have.
    """
    way = run_key(flake8_arguments())
    try:
        first, body, _ = read_record(record_of(project_root(os.getcwd())) or "")
        head = json.loads(first)
        if head["installation"] != installation() or any(True for _ in changed(head["stamps"])):
            return None
        if way in head["filtered"]:
            return None
        _, _, found = head["walks"].get(walk_key(way, paths)) or (None, None, None)
        if found is None:
            found = _of_files(paths, way, json.loads(body)["files"])
        return None if found is None else [Finding(*fields) for fields in found]
    except UNUSABLE:
        return None


def _of_files(paths: Sequence[str], way: str, files: dict[str, Any]) -> list[list[Any]] | None:
    """Give the findings of files that are named; None where there is one that is not known."""
    found = []
    for path in dict.fromkeys(paths):
        of_file = files[os.path.abspath(path)][1].get(way)
        if of_file is None:
            return None
        found += [[path, *fields] for fields in of_file]
    return sorted(found, key=lambda fields: fields[0])
