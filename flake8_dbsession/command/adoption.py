"""What the commands say of an old code base that begins."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flake8_dbsession.escaping import visible
from flake8_dbsession.wording import counted

if TYPE_CHECKING:
    import argparse

    from flake8_dbsession.checking.files.changes import Changes
    from flake8_dbsession.checking.findings import Finding

DEFAULT_BASELINE = (
    "[default: as flake8's configuration or the policy says, or .dbsession-baseline.json]"
)


def aloud(line: str) -> None:
    """Tell the user a line, beside the results."""
    print(line, file=sys.stderr)


def changes(revision: str | None) -> Changes | None:
    """Find what changed since a commit; None where none is named.

    Raises:
        RunError: there is no git, no repository around the working directory, or no such commit.
    """
    if revision is None:
        return None
    from flake8_dbsession.checking.files.changes import changes_since

    return changes_since(revision)


def without_known(
    findings: Sequence[Finding],
    file: str,
    files: Sequence[str],
    options: argparse.Namespace,
    say: Callable[[str], object],
) -> list[Finding]:
    """Give the findings that a baseline does not list, and say what of it is gone.

    That is said only where all that it lists was looked at.

    Args:
        findings: of the run.
        file: the baseline.
        files: the files that were checked.
        options: flake8's.
        say: tells the user a line.

    Raises:
        RunError: the baseline cannot be used.
    """
    from flake8_dbsession.checking.suppression.adoption import BaselineRun
    from flake8_dbsession.checking.suppression.baseline import load

    held = BaselineRun(load(Path(file)), files, options)
    new, gone = held.compare(findings)
    if gone and held.is_whole(findings):
        count = sum(gone.values())
        say(
            f"{counted(count, 'entry')} of {visible(file)} "
            f"{'match' if count > 1 else 'matches'} nothing now; "
            f"`dbsession baseline --prune` drops {'them' if count > 1 else 'it'}"
        )
    return new


def say_what_ruff_lacks(folders: Iterable[str], say: Callable[[str], object] = aloud) -> None:
    """Say where ruff would take the comments for superfluous that hide violations.

    Args:
        folders: the folders of the files that have such comments, or may get them.
        say: tells the user a line.
    """
    from flake8_dbsession.checking.suppression.ruff import advice

    for line in advice(folders):
        say(visible(line))


def hidden(
    findings: Sequence[Finding], options: argparse.Namespace, say: Callable[[str], object]
) -> list[Finding]:
    """Write comments beside findings, say how many, and give those that can have none.

    Args:
        findings: of the run.
        options: flake8's.
        say: tells the user a line.
    """
    from flake8_dbsession.checking.suppression.adoption import hide

    left, errors = hide(findings, options)
    say_what_ruff_lacks({os.path.dirname(finding.path) for finding in findings}, say)
    for error in errors:
        aloud(visible(str(error)))
    say(f"{counted(len(findings) - len(left), 'violation')} hidden by `# noqa` comments")
    if left:
        say(f"{counted(len(left), 'violation')} left without a comment")
    return left
