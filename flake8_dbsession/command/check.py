"""``dbsession check``: what flake8 reports of this standard, without flake8's other checks."""

from __future__ import annotations

import io
import sys

import click

from flake8_dbsession.output import FORMATS

DEFAULT_SELECT = "DBS,E9"


@click.command(short_help="Report what breaks the standard.")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--output-format",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="How the findings are written.",
)
@click.option("--select", metavar="CODES", help="The codes to report.  [default: DBS,E9]")
@click.option("--extend-select", metavar="CODES", help="More codes to report, such as off ones.")
@click.option("--ignore", metavar="CODES", help="The codes to leave out.")
@click.option(
    "--stdin-filename", metavar="FILE", help="The path of what `-` reads from standard input."
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes.  [default: as flake8's `jobs`]",
)
@click.option("--no-cache", is_flag=True, help="Neither use nor keep the results of other runs.")
def command(
    paths: tuple[str, ...],
    output_format: str,
    select: str | None,
    extend_select: str | None,
    ignore: str | None,
    stdin_filename: str | None,
    jobs: int | None,
    no_cache: bool,
) -> None:
    """Report what breaks the standard in the files and folders at PATH.

    Without a PATH, in the working directory. flake8's settings hold: those of setup.cfg, tox.ini
    or .flake8.

    \b
    Example:
        dbsession check
        dbsession check app/ tests/test_users.py
        dbsession check --select DBS1,DBS307 app/
        cat app/users.py | dbsession check --stdin-filename app/users.py -
    """
    from flake8_dbsession.checking.run import Run, exit_code
    from flake8_dbsession.output import writer

    given = {
        "select": f"{select or DEFAULT_SELECT},DBS001,DBS002",
        "extend-select": extend_select,
        "ignore": ignore,
        "stdin-display-name": stdin_filename,
    }
    run = Run([f"--{name}={value}" for name, value in given.items() if value], caching=not no_cache)
    findings = run.findings(run.files(paths or (".",)), jobs=jobs)
    if isinstance(sys.stdout, io.TextIOWrapper):  # paths and code are written as flake8 does
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    writer(output_format)(findings, sys.stdout)
    raise SystemExit(exit_code(findings))
