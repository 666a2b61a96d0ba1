"""``dbsession check``: what flake8 reports of this standard, without flake8's other checks."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO, TypeVar

import click

from flake8_dbsession.command.adoption import DEFAULT_BASELINE, aloud
from flake8_dbsession.command.codes import codes_in, kinds_of_doubt, named, reportable
from flake8_dbsession.command.progress import tracked
from flake8_dbsession.escaping import visible
from flake8_dbsession.output import FORMATS

if TYPE_CHECKING:
    from flake8_dbsession.checking.findings import Finding
    from flake8_dbsession.checking.running.run import Run

T = TypeVar("T")


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
@click.option(
    "--color",
    type=click.Choice(("auto", "always", "never")),
    default="auto",
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
    asked = _Asked(**given)
    _refuse_contradictions(asked)
    if not asked.watches:
        raise SystemExit(_checked(asked))
    from flake8_dbsession.command.watching import watch

    watch(lambda: _checked(asked), asked.paths or (".",), quiet=asked.quiet)


class _Asked(NamedTuple):
    """What the command line says, by the names of its options."""

    paths: tuple[str, ...]
    select: str | None
    extend_select: str | None
    ignore: str | None
    exclude: str | None
    extend_exclude: str | None
    output_format: str
    output_file: str | None
    show_source: bool | None
    color: str
    statistics: bool
    exit_zero: bool
    jobs: int | None
    baseline: str | None
    since: str | None
    add_noqa: bool
    fixes: bool
    unsafe: bool
    accepted: frozenset[str]
    watches: bool
    quiet: bool
    no_cache: bool
    cache_dir: str | None
    stdin_filename: str | None

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes to fix, or their beginnings."""
        return codes_in(self.select or "DBS", self.extend_select)


def _refuse_contradictions(asked: _Asked) -> None:
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


def _checked(asked: _Asked) -> int:
    """Check once, write what is found, and give the exit code."""
    from flake8_dbsession.checking.caching.run_keys import flake8_arguments
    from flake8_dbsession.checking.findings import exit_code
    from flake8_dbsession.checking.running.run import Run
    from flake8_dbsession.command.adoption import changes, hidden, without_known

    say = _silent if asked.quiet else aloud
    arguments = flake8_arguments(
        asked.select,
        asked.extend_select,
        asked.ignore,
        asked.stdin_filename,
        asked.exclude,
        asked.extend_exclude,
    )
    run = Run(arguments, caching=not asked.no_cache, cache_folder=asked.cache_dir)
    files = run.files(asked.paths or (".",))
    if not files:
        say("Warning: no Python or Markdown file or notebook was found to check")
    changed = changes(asked.since)
    if changed:
        files = [file for file in files if changed.has(file)]
    known = run.baseline_over(asked.baseline)
    if asked.fixes:
        for line in _fixed(asked, run, files, known):
            say(line)
        run = Run(arguments, caching=not asked.no_cache, cache_folder=asked.cache_dir)
    findings = run.findings(files, jobs=asked.jobs, track=_untracked if asked.quiet else tracked)
    if known:
        findings = without_known(findings, known, files, run.options, say)
    if changed:
        from flake8_dbsession.checking.running.since import brought

        findings = brought(findings, changed, run.options)
    if asked.add_noqa:
        findings = hidden(findings, run.options, say)
    if not asked.quiet:
        _say_what_misleads(files)
        layers = [] if changed else _empty_layers(asked.paths, files, run)
        for warning in (*_unheard(run), *layers):
            aloud(f"Warning: {warning}")
    _write(findings, asked, run)
    code = exit_code(findings)
    return 0 if asked.exit_zero and code == 1 else code


def _fixed(asked: _Asked, run: Run, files: Sequence[str], known: str | None) -> Iterator[str]:
    """Fix what can be fixed, and give a line for each file that could not be, and one for all."""
    from flake8_dbsession.checking.files.discovery import python_files
    from flake8_dbsession.checking.suppression.baseline import load
    from flake8_dbsession.fixes.repair import Wishes
    from flake8_dbsession.fixes.report import lines, summary
    from flake8_dbsession.fixes.run import Repairs

    wishes = Wishes(codes=asked.codes, unsafe=asked.unsafe, accepted=asked.accepted)
    repairs = Repairs(run, wishes, baseline=load(Path(known)) if known else None)
    outcomes = [*repairs.outcomes(python_files(files))]
    for outcome in outcomes:
        if outcome.repair is None:
            yield from map(visible, lines(outcome, writes=True, verbose=False))
    *_, total = summary(outcomes, writes=True)
    yield total


def _say_what_misleads(files: Iterable[str]) -> None:
    from flake8_dbsession.checking.suppression.misleading import misleading

    for place, comment, effect in misleading(files):
        aloud(visible(f"{place}: `{comment}` {effect}"))


def _unheard(run: Run) -> Iterator[str]:
    """Say what the policy selects for nothing, beside a flake8 configuration that names codes."""
    from flake8_dbsession.checking.caching.run_keys import configurations

    if not any(b"DBS" in text for _, text in configurations()):
        return
    from flake8_dbsession.linter import Settings
    from flake8_dbsession.policy.overruled import overruled_of

    unheard = overruled_of(run.policy)
    if unheard and Settings.of(run.options).names_codes:
        yield unheard


def _empty_layers(paths: Sequence[str], files: Sequence[str], run: Run) -> Iterator[str]:
    """Say which layers have no files, where all files are looked at."""
    if any(os.path.abspath(path) == os.getcwd() for path in paths or (".",)):
        from flake8_dbsession.policy.empty import empty_layers_of

        yield from empty_layers_of(run.policy, files)


def _write(findings: Sequence[Finding], asked: _Asked, run: Run) -> None:
    from flake8_dbsession.output import text, writer
    from flake8_dbsession.output.streams import opened

    is_text = asked.output_format == "text"
    with opened(asked.output_file) as stream:
        if is_text:
            color = None if asked.output_file is None else False
            color = {"always": True, "never": False}.get(asked.color, color)
            text.write(findings, stream, show_source=asked.show_source, color=color)
        elif asked.output_format == "sarif":
            from flake8_dbsession.fixes.offers import offers
            from flake8_dbsession.output import sarif

            sarif.write(findings, stream, fixes=offers(findings, run.options))
        else:
            writer(asked.output_format)(findings, stream)
        if asked.statistics:
            _write_statistics(findings, stream if is_text else sys.stderr)


def _silent(line: str) -> None:
    """Keep a note to oneself."""


def _untracked(results: Iterator[T], total: int) -> Iterator[T]:
    return results


def _write_statistics(findings: Sequence[Finding], stream: TextIO) -> None:
    """Write how often each code was found, and its first message, as flake8 does."""
    by_code: dict[str, list[Finding]] = {}
    for finding in findings:
        by_code.setdefault(finding.code, []).append(finding)
    for code, found in sorted(by_code.items()):
        stream.write(f"{len(found):<5} {code} {visible(found[0].message)}\n")
