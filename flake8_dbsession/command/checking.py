"""What ``dbsession check`` does, without what reads its command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO, TypeVar

from flake8_dbsession.command.adoption import aloud
from flake8_dbsession.command.endings import to_the_end
from flake8_dbsession.command.progress import tracked
from flake8_dbsession.escaping import visible
from flake8_dbsession.named_tuples import NamedTuple

if TYPE_CHECKING:
    from flake8_dbsession.checking.findings import Finding
    from flake8_dbsession.checking.running.run import Run

T = TypeVar("T")


class Asked(NamedTuple):
    """What the command line says, by the names of its options."""

    paths: tuple[str, ...]
    select: str | None = None
    extend_select: str | None = None
    ignore: str | None = None
    exclude: str | None = None
    extend_exclude: str | None = None
    output_format: str = "text"
    output_file: str | None = None
    show_source: bool | None = None
    color: str = "auto"
    statistics: bool = False
    exit_zero: bool = False
    jobs: int | None = None
    baseline: str | None = None
    since: str | None = None
    add_noqa: bool = False
    fixes: bool = False
    unsafe: bool = False
    accepted: frozenset[str] = frozenset()
    watches: bool = False
    quiet: bool = False
    no_cache: bool = False
    cache_dir: str | None = None
    stdin_filename: str | None = None

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes to fix, or their beginnings."""
        from flake8_dbsession.command.codes import codes_in

        return codes_in(self.select or "DBS", self.extend_select)


NOTHING_ASKED = Asked(())


def check_plainly(paths: Sequence[str], *, quiet: bool) -> NoReturn:
    """Check as the command does that names paths and nothing else, and end.

    Args:
        paths: files and folders.
        quiet: whether only the findings are printed.
    """
    with to_the_end():
        raise SystemExit(checked(Asked(tuple(paths), quiet=quiet)))


def checked(asked: Asked) -> int:
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


def _fixed(asked: Asked, run: Run, files: Sequence[str], known: str | None) -> Iterator[str]:
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


def _write(findings: Sequence[Finding], asked: Asked, run: Run) -> None:
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
