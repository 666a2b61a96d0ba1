"""How reports name files: as the services that show them know them, on every system alike."""

from __future__ import annotations

import os
from pathlib import Path

from flake8_dbsession.roots import repository_of


def relative(path: str) -> str:
    """Give a path relative to the root of the repository, with forward slashes.

    Args:
        path: a file, as a finding names it.

    Returns:
        The path without ``./``, from the repository's root on wherever below it the run was
        started, and without a repository from the working directory on; an absolute one where the
        file stands outside.
    """
    absolute = Path(os.path.abspath(path))
    here = os.getcwd()
    root = repository_of(here) or here
    return (absolute.relative_to(root) if absolute.is_relative_to(root) else absolute).as_posix()
