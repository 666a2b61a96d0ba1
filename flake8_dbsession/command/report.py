"""``dbsession report``: how far a code base has moved over to the standard."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

import click

from flake8_dbsession.escaping import visible

if TYPE_CHECKING:
    from flake8_dbsession.migration.model import Migration

_FORMATS = ("text", "markdown", "json", "html")
_WIDTH = 120  # characters of a text that is no terminal's


@click.command(short_help="Summarise the migration to the standard.")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default="text",
    show_default=True,
    help="How the summary is written.",
)
@click.option("--output-file", metavar="FILE", help="Where to, instead of standard output.")
def command(paths: tuple[str, ...], form: str, output_file: str | None) -> None:
    """Summarise how far the files and folders at PATH have moved over to the standard.

    By layer, file and code: what still opens sessions and connections by hand, and what uses the
    sanctioned patterns. The share migrated is that of the sanctioned among all acquisitions outside
    of tests and owners; what `check` reports of an acquisition is by hand. Without a PATH, of the
    working directory.

    \b
    Example:
        dbsession report backend/
        dbsession report --format html --output-file migration.html
    """
    from dataclasses import replace
    from datetime import date

    from flake8_dbsession.checking.files.changes import revision_here
    from flake8_dbsession.checking.files.discovery import STDIN, discover
    from flake8_dbsession.checking.running.settings import flake8_options
    from flake8_dbsession.checking.running.workers import processes
    from flake8_dbsession.command.progress import tracked
    from flake8_dbsession.linter import Settings
    from flake8_dbsession.migration.counting import migration_of
    from flake8_dbsession.output.streams import opened

    if STDIN in paths:
        raise click.BadParameter("standard input has no migration", param_hint="PATH")
    options = flake8_options([])
    files = discover(paths or (".",), [*options.exclude, *options.extend_exclude])
    migration = migration_of(files, Settings.of(options), jobs=processes(options), track=tracked)
    migration = replace(migration, date=date.today().isoformat(), revision=revision_here())
    for path, reason in migration.unread:
        click.echo(visible(f"{path}: {reason}"), err=True)
    with opened(output_file) as stream:
        _write(migration, form, stream)


def _write(migration: Migration, form: str, stream: TextIO) -> None:
    if form == "text":
        from rich.console import Console

        from flake8_dbsession.migration import text

        console = Console(file=stream)
        if not console.is_terminal:
            console.width = _WIDTH
        with console.capture() as rendered:  # what cannot be written is this command's affair
            text.render(migration, console)
        lines = rendered.get().splitlines()  # whose last cells are filled up with spaces
        stream.writelines(f"{line.rstrip()}\n" for line in lines)
    elif form == "markdown":
        from flake8_dbsession.migration import markdown

        stream.write(markdown.render(migration))
    elif form == "json":
        from flake8_dbsession.migration import json_document

        stream.write(json_document.render(migration))
    else:
        from flake8_dbsession.migration import html

        stream.write(html.render(migration))
