"""Where the baseline of a run lies."""

from __future__ import annotations

import os

from flake8_dbsession.roots import is_within, project_root, upward

FILE_NAME = ".dbsession-baseline.json"
NONE = "none"
"""What names no baseline, where one would be taken otherwise."""


def baseline_file(named: str | None, policy: str | None = None) -> str | None:
    """Find the baseline of a run.

    Args:
        named: the one that an option or flake8's configuration names, which counts first.
        policy: the policy that they name; None for the one found from the working directory upward.

    Returns:
        The file, which need not exist where it is named, else the one at the default place: the
        nearest ``.dbsession-baseline.json`` from the working directory up to the project's root.
        None where there is none, or ``none`` is named.
    """
    if named is None:
        from flake8_dbsession.policy.baseline import baseline_of

        of_policy = baseline_of(policy)
        named = str(of_policy) if of_policy else _at_default_place()
    return None if named is None or os.path.basename(named) == NONE else named


def default_place() -> str:
    """Give the file that a new baseline is written to, as it is named from here."""
    return os.path.relpath(os.path.join(project_root(os.getcwd()), FILE_NAME))


def _at_default_place() -> str | None:
    root = project_root(os.getcwd())
    for folder in upward(os.getcwd()):
        file = os.path.join(folder, FILE_NAME)
        if os.path.isfile(file) and is_within(os.path.realpath(file), os.path.realpath(root)):
            return os.path.relpath(file)
        if folder == root:
            break
    return None
