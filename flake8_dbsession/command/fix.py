"""``dbsession fix``: moves code over to the standard."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import click

from flake8_dbsession.command.adoption import DEFAULT_BASELINE
from flake8_dbsession.command.codes import codes_in, kinds_of_doubt, reportable


@click.command(short_help="Fix what can be fixed safely.")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--diff", "shows", is_flag=True, help="Show the fixes as a diff; write nothing.")
@click.option("--unsafe", is_flag=True, help="Also make fixes that may change what code does.")
@click.option(
    "--accept",
    "accepted",
    metavar="KINDS",
    callback=kinds_of_doubt,
    help="Also make fixes whose only doubts are of these kinds, such as commit,comment.",
)
@click.option("--verbose", is_flag=True, help="Say of each violation that is left where it is.")
@click.option("-q", "--quiet", is_flag=True, help="Print what is fixed, and no summary.")
@click.option("--layer", metavar="NAME", help="Only the files of this layer of the policy.")
@click.option(
    "--select",
    metavar="CODES",
    default="DBS",
    callback=reportable,
    help="The codes to fix.  [default: DBS]",
)
@click.option(
    "--extend-select",
    metavar="CODES",
    callback=reportable,
    help="More codes to fix, such as off ones.",
)
@click.option(
    "--baseline",
    metavar="FILE",
    help=f"The known violations, which may be left; `none` for none.  {DEFAULT_BASELINE}",
)
def command(
    paths: tuple[str, ...],
    shows: bool,
    unsafe: bool,
    accepted: frozenset[str],
    verbose: bool,
    quiet: bool,
    layer: str | None,
    select: str,
    extend_select: str | None,
    baseline: str | None,
) -> None:
    """Fix what breaks the standard in the Python files and folders at PATH.

    Without a PATH, in the working directory. Each rule's page says when its fix is safe. A file is
    replaced as a whole or not at all, and only by one that compiles, in which all other lines are
    as they were, what was fixed is gone and nothing new is reported.

    A fix that may change what the code does has doubts, each of a kind: commit (the provider
    commits what the code left uncommitted), expire (objects are expired when they are used),
    patched (a test patches what is used no more), helper (a function may write, and could not be
    followed; accepting commit accepts it too), comment (one would be lost) and error-path (an error
    takes another way). A rule's page says which of them its fix can have; a policy's `accept`
    accepts them for good.

    What a baseline knows is fixed too where it can be; else it stands in the plan of what is left,
    and does not count for the exit code.

    \b
    Example:
        dbsession fix app/
        dbsession fix --diff --accept commit app/services
        dbsession fix --layer services --select DBS101,DBS102
    """
    from flake8_dbsession.checking.caching.run_keys import flake8_arguments
    from flake8_dbsession.checking.files import notebooks
    from flake8_dbsession.checking.files.discovery import STDIN, python_files
    from flake8_dbsession.checking.running.run import Run
    from flake8_dbsession.checking.suppression.baseline import load
    from flake8_dbsession.fixes import report
    from flake8_dbsession.fixes.repair import Wishes
    from flake8_dbsession.fixes.run import Repairs, exit_code

    if STDIN in paths:
        raise click.BadParameter("standard input cannot be fixed", param_hint="PATH")
    named = next((path for path in paths if path.endswith(notebooks.SUFFIX)), None)
    if named is not None:
        raise click.BadParameter(f"{named}: notebooks are checked, not fixed", param_hint="PATH")
    run = Run(flake8_arguments(f"{select},E9", extend_select), caching=True)
    files = python_files(run.files(paths or (".",)))
    file = run.baseline_over(baseline)
    known = load(Path(file)) if file else None
    codes = codes_in(select, extend_select)
    wishes = Wishes(codes=codes, unsafe=unsafe, accepted=accepted, writes=not shows)
    repairs = Repairs(run, wishes, baseline=known)
    if layer is not None:
        files = repairs.files_of_layer(files, layer)
    if isinstance(sys.stdout, io.TextIOWrapper):  # code is shown as it is
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape", newline="")
    outcomes = []
    for outcome in repairs.outcomes(files):
        outcomes.append(outcome)
        if shows:
            sys.stdout.write(report.diff(outcome))
        lines = report.lines(outcome, writes=not shows, verbose=verbose)
        click.echo(report.written(lines), nl=False, err=shows)
    if not quiet:
        click.echo(report.written(report.summary(outcomes, writes=not shows)), nl=False, err=shows)
    raise SystemExit(exit_code(outcomes, writes=not shows))
