"""How reports name files: as the services that show them know them, on every system alike."""

from __future__ import annotations

import os

from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.roots import is_within, repository_of


def message(finding: Finding) -> str:
    """Give a finding's message where its place can be told by lines of the file alone."""
    if not finding.cell:
        return finding.message
    return f"cell {finding.cell}, line {finding.line}: {finding.message}"


def line_of_file(finding: Finding) -> int:
    """Give the line of the file that a finding stands on; 0 where it has none, or none is known."""
    return 0 if finding.cell else finding.line


def relative(path: str) -> str:
    """Give a path relative to the root of the repository, with forward slashes.

    Args:
        path: a file, as a finding names it.

    Returns:
        The path without ``./``, from the repository's root on wherever below it the run was
        started, and without a repository from the working directory on; an absolute one where the
        file stands outside.
    """
    absolute = os.path.abspath(path)
    here = os.getcwd()
    root = repository_of(here) or here
    written = os.path.relpath(absolute, root) if is_within(absolute, root) else absolute
    return written.replace(os.sep, "/")
