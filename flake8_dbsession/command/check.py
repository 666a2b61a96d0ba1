"""``dbsession check``: what flake8 reports of this standard, without flake8's other checks."""

from __future__ import annotations

from typing import Any

import click

from flake8_dbsession.command.adoption import DEFAULT_BASELINE
from flake8_dbsession.command.checking import NOTHING_ASKED, Asked, checked
from flake8_dbsession.command.codes import kinds_of_doubt, named, reportable
from flake8_dbsession.output import FORMATS


@click.command(short_help="Report what breaks the standard.")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--select",
    metavar="CODES",
    callback=reportable,
    help="The codes to report, beside E9 for a file that cannot be parsed.  [default: DBS]",
)
@click.option(
    "--extend-select",
    metavar="CODES",
    callback=reportable,
    help="More codes to report, such as off ones.",
)
@click.option("--ignore", metavar="CODES", callback=named, help="The codes to leave out.")
@click.option(
    "--exclude",
    metavar="PATTERNS",
    help="The files and folders to leave out, in the place of flake8's `exclude`.",
)
@click.option(
    "--extend-exclude",
    metavar="PATTERNS",
    help="More files and folders to leave out, in flake8's form.",
)
@click.option(
    "--output-format",
    type=click.Choice(FORMATS),
    default=NOTHING_ASKED.output_format,
    show_default=True,
    help="How the findings are written.",
)
@click.option("--output-file", metavar="FILE", help="Where to, instead of to standard output.")
@click.option(
    "--show-source/--no-show-source",
    default=None,
    help="Show the code below each finding of the text format.  [default: on a terminal]",
)
@click.option(
    "--color",
    type=click.Choice(("auto", "always", "never")),
    default=NOTHING_ASKED.color,
    show_default=True,
    help="Colour the text format. `auto`: on a terminal, or as NO_COLOR and FORCE_COLOR say.",
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
@click.option(
    "--since",
    metavar="REV",
    help="Report only what changed since this commit: on its lines, or new in its files.",
)
@click.option("--add-noqa", is_flag=True, help="Write `# noqa` comments beside the violations.")
@click.option(
    "--fix", "fixes", is_flag=True, help="Fix what can be fixed safely, and report what is left."
)
@click.option(
    "--unsafe", is_flag=True, help="With --fix: also fixes that may change what the code does."
)
@click.option(
    "--accept",
    "accepted",
    metavar="KINDS",
    callback=kinds_of_doubt,
    help="With --fix: also fixes whose only doubts are of these kinds.",
)
@click.option("--watch", "watches", is_flag=True, help="Check again whenever a file changes.")
@click.option("-q", "--quiet", is_flag=True, help="Print the findings and nothing else.")
@click.option("--no-cache", is_flag=True, help="Neither use nor keep the results of other runs.")
@click.option(
    "--cache-dir",
    metavar="FOLDER",
    help="Where results are kept.  [default: DBSESSION_CACHE_DIR, or the user's cache folder]",
)
@click.option(
    "--stdin-filename", metavar="FILE", help="The path of what `-` reads from standard input."
)
def command(**given: Any) -> None:
    """Report what breaks the standard in the files and folders at PATH.

    Without a PATH, in the working directory. Markdown files are checked in their Python blocks,
    notebooks in their cells. flake8's settings hold, those of setup.cfg, tox.ini or .flake8, and
    the policy's.

    Exits with 0 when nothing is found or left, 1 for violations, 2 for wrong use and where a policy
    or rule is broken.

    \b
    Example:
        dbsession check
        dbsession check app/ tests/test_users.py README.md
        dbsession check --select DBS1,DBS307 --output-format sarif --output-file found.sarif
        dbsession check --since origin/main
        dbsession check --fix --accept commit
        cat app/users.py | dbsession check --stdin-filename app/users.py -
    """
    asked = Asked(**given)
    _refuse_contradictions(asked)
    if not asked.watches:
        raise SystemExit(checked(asked))
    from flake8_dbsession.command.watching import watch

    watch(lambda: checked(asked), asked.paths or (".",), quiet=asked.quiet)


def _refuse_contradictions(asked: Asked) -> None:
    with_files = (asked.since is not None or asked.add_noqa, asked.fixes, asked.watches)
    names = ("--since and --add-noqa", "--fix", "--watch")
    wrong = next((name for name, is_asked in zip(names, with_files, strict=True) if is_asked), None)
    if wrong and "-" in asked.paths:
        verb = "need" if " and " in wrong else "needs"
        raise click.UsageError(f"{wrong} {verb} files, not standard input")
    if asked.fixes and (asked.since is not None or asked.add_noqa):
        raise click.UsageError("--fix does not go with --since or --add-noqa")
    if not asked.fixes and (asked.unsafe or asked.accepted):
        raise click.UsageError("--unsafe and --accept go with --fix")
