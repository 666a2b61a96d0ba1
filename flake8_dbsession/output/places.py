"""How reports name files: relative to where the run was started, on every system alike."""

from __future__ import annotations

import os
from pathlib import Path


def relative(path: str) -> str:
    """Give a path relative to the working directory, with forward slashes.

    Args:
        path: a file, as a finding names it.

    Returns:
        The path without ``./``; an absolute one where the file stands outside.
    """
    absolute = Path(os.path.abspath(path))
    here = Path.cwd()
    return (absolute.relative_to(here) if absolute.is_relative_to(here) else absolute).as_posix()
