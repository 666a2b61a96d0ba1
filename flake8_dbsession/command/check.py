"""``dbsession check``: what flake8 reports of this standard, without flake8's other checks."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

import click

from flake8_dbsession.command.adoption import DEFAULT_BASELINE
from flake8_dbsession.command.codes import named, reportable
from flake8_dbsession.output import FORMATS
from flake8_dbsession.output.escaping import visible

if TYPE_CHECKING:
    from flake8_dbsession.checking.findings import Finding


@click.command(short_help="Report what breaks the standard.")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--select",
    metavar="CODES",
    callback=reportable,
    help="The codes to report.  [default: DBS,E9]",
)
@click.option(
    "--extend-select",
    metavar="CODES",
    callback=reportable,
    help="More codes to report, such as off ones.",
)
@click.option("--ignore", metavar="CODES", callback=named, help="The codes to leave out.")
@click.option(
    "--output-format",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="How the findings are written.",
)
@click.option("--output-file", metavar="FILE", help="Where to, instead of to standard output.")
@click.option(
    "--show-source/--no-show-source",
    default=None,
    help="Show the code below each finding of the text format.  [default: on a terminal]",
)
@click.option("--statistics", is_flag=True, help="Count the findings of each code.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 whatever breaks the standard.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many processes check.  [default: as flake8's `jobs`]",
)
@click.option(
    "--baseline",
    metavar="FILE",
    help=f"The known violations, which are not reported; `none` for none.  {DEFAULT_BASELINE}",
)
@click.option("--since", metavar="REV", help="Report only on lines changed since this commit.")
@click.option("--add-noqa", is_flag=True, help="Write `# noqa` comments beside the violations.")
@click.option("--no-cache", is_flag=True, help="Neither use nor keep the results of other runs.")
@click.option(
    "--cache-dir",
    metavar="FOLDER",
    help="Where results are kept.  [default: DBSESSION_CACHE_DIR, or the user's cache folder]",
)
@click.option(
    "--stdin-filename", metavar="FILE", help="The path of what `-` reads from standard input."
)
def command(
    paths: tuple[str, ...],
    select: str | None,
    extend_select: str | None,
    ignore: str | None,
    output_format: str,
    output_file: str | None,
    show_source: bool | None,
    statistics: bool,
    exit_zero: bool,
    jobs: int | None,
    baseline: str | None,
    since: str | None,
    add_noqa: bool,
    no_cache: bool,
    cache_dir: str | None,
    stdin_filename: str | None,
) -> None:
    """Report what breaks the standard in the files and folders at PATH.

    Without a PATH, in the working directory. Markdown files are checked in their Python blocks,
    notebooks in their cells.
    flake8's settings hold: those of setup.cfg, tox.ini or .flake8.

    Exits with 0 when nothing is found, 1 for violations, 2 when a policy or rule is broken.

    \b
    Example:
        dbsession check
        dbsession check app/ tests/test_users.py README.md
        dbsession check --select DBS1,DBS307 --output-format sarif --output-file found.sarif
        dbsession check --since origin/main
        cat app/users.py | dbsession check --stdin-filename app/users.py -
    """
    from flake8_dbsession.checking.caching.run_keys import flake8_arguments
    from flake8_dbsession.checking.findings import exit_code
    from flake8_dbsession.checking.running.run import Run
    from flake8_dbsession.checking.suppression.noqa import blanket_names
    from flake8_dbsession.command.adoption import changes, hidden, without_known
    from flake8_dbsession.command.progress import tracked
    from flake8_dbsession.output import text, writer
    from flake8_dbsession.output.streams import opened

    arguments = flake8_arguments(select, extend_select, ignore, stdin_filename)
    run = Run(arguments, caching=not no_cache, cache_folder=cache_dir)
    if "-" in paths and (since is not None or add_noqa):
        raise click.UsageError("--since and --add-noqa need files, not standard input")
    files = run.files(paths or (".",))
    if not files:
        click.echo("Warning: no Python or Markdown file or notebook was found to check", err=True)
    changed = changes(since)
    if changed:
        files = [file for file in files if changed.has(file)]
    findings = run.findings(files, jobs=jobs, track=tracked)
    known = run.baseline_over(baseline)
    if known:
        findings = without_known(findings, known, files, run.options)
    if changed:
        findings = changed.reported(findings)
    if add_noqa:
        findings = hidden(findings, run.options)
    for place, comment in blanket_names(files):
        click.echo(
            f"{place}: `{comment}` hides every code on its line, for flake8 knows no rule's name "
            "there; write the code",
            err=True,
        )
    with opened(output_file) as stream:
        if output_format == "text":
            text.write(findings, stream, show_source=show_source)
        elif output_format == "sarif":
            from flake8_dbsession.fixes.offers import offers
            from flake8_dbsession.output import sarif

            sarif.write(findings, stream, fixes=offers(findings, run.options))
        else:
            writer(output_format)(findings, stream)
        if statistics:
            _write_statistics(findings, stream if output_format == "text" else sys.stderr)
    code = exit_code(findings)
    raise SystemExit(0 if exit_zero and code == 1 else code)


def _write_statistics(findings: Sequence[Finding], stream: TextIO) -> None:
    """Write how often each code was found, and its first message, as flake8 does."""
    by_code: dict[str, list[Finding]] = {}
    for finding in findings:
        by_code.setdefault(finding.code, []).append(finding)
    for code, found in sorted(by_code.items()):
        stream.write(f"{len(found):<5} {code} {visible(found[0].message)}\n")
