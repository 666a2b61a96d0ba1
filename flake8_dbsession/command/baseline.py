"""``dbsession baseline``: today's violations recorded, so that only new ones are reported."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from flake8_dbsession.command.adoption import DEFAULT_BASELINE, say_what_ruff_lacks


@click.command(short_help="Record today's violations, so that only new ones are reported.")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--prune", is_flag=True, help="Only drop what is gone; add nothing.")
@click.option(
    "--baseline",
    metavar="FILE",
    help=f"The file.  {DEFAULT_BASELINE}",
)
def command(paths: tuple[str, ...], prune: bool, baseline: str | None) -> None:
    """Record the violations in the files and folders at PATH as known.

    Without a PATH, in the working directory. What the file lists of other files stays, and of
    those that cannot be checked; what is gone goes. `dbsession check` and flake8 find the file at
    its default place, the root of the project. A known violation stays known when its line moves
    or is formatted anew; a second copy of it is new.

    \b
    Example:
        dbsession baseline
        dbsession check
        dbsession baseline --prune
    """
    from flake8_dbsession.checking.caching.run_keys import flake8_arguments
    from flake8_dbsession.checking.files.discovery import STDIN
    from flake8_dbsession.checking.findings import exit_code
    from flake8_dbsession.checking.running.run import Run
    from flake8_dbsession.checking.suppression.adoption import BaselineRun, is_of_broken_policy
    from flake8_dbsession.checking.suppression.baseline import Baseline, is_recordable, load
    from flake8_dbsession.checking.suppression.baseline_place import NONE, default_place
    from flake8_dbsession.output.text import write
    from flake8_dbsession.wording import counted

    if STDIN in paths:
        raise click.BadParameter("standard input has no baseline", param_hint="PATH")
    run = Run(flake8_arguments(), caching=True)
    if baseline == NONE:
        raise click.BadParameter("names no file; leave it out", param_hint="--baseline")
    file = Path(run.baseline_over(baseline) or default_place())
    before = load(file) if prune or file.exists() else Baseline(file, {})
    files = run.files(paths or (".",))
    findings = run.findings(files)
    unchecked = [finding for finding in findings if not is_recordable(finding.code)]
    held = BaselineRun(before, files, run.options)
    if is_of_broken_policy(findings):
        click.echo(f"{file} is left as it is, for the policy cannot be used", err=True)
    elif prune:
        _, gone = held.compare(findings)
        before.prune(gone).save()
        click.echo(f"{counted(sum(gone.values()), 'violation')} dropped from {file}")
    else:
        held.record(findings).save()
        click.echo(f"{counted(len(findings) - len(unchecked), 'violation')} recorded in {file}")
    if not prune and run.baseline is None:
        click.echo(_way_to_it(file), err=True)
    say_what_ruff_lacks({os.path.dirname(path) for path in files})
    write(unchecked, sys.stderr)
    raise SystemExit(exit_code(unchecked))


def _way_to_it(file: Path) -> str:
    """Say how a new baseline is found."""
    from flake8_dbsession.checking.suppression.baseline_place import baseline_file

    found = baseline_file(None)
    if found is not None and Path(found).resolve() == file.resolve():
        return "`dbsession check` and flake8 find it there, and leave them out."
    # flake8 takes a path for relative to its configuration only where it has a slash.
    return (
        f"Leave them out with `dbsession check --baseline {file}`, and in flake8 with "
        f"`dbsession-baseline = ./{file}` in its configuration."
    )
