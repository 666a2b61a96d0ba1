"""``dbsession cache``: what earlier runs left."""

from __future__ import annotations

import click

from flake8_dbsession.wording import counted


@click.group(short_help="Remove what earlier runs left.")
def command() -> None:
    """Look after the results of earlier runs, which lie in the user's cache folder.

    There is one record a project and environment. One that was not written for 30 days goes by
    itself.
    """


@command.command(short_help="Remove the results of all earlier runs.")
@click.option(
    "--cache-dir",
    metavar="FOLDER",
    help="Where they are kept.  [default: DBSESSION_CACHE_DIR, or the user's cache folder]",
)
def clean(cache_dir: str | None) -> None:
    """Remove the results of all earlier runs, of every project.

    \b
    Example:
        dbsession cache clean
    """
    from flake8_dbsession.checking.caching.records import clean, records_folder
    from flake8_dbsession.checking.errors import RunError

    folder = records_folder(cache_dir)
    try:
        count = clean(folder)
    except OSError as error:
        raise RunError(f"{folder}: cannot be cleaned: {error.strerror}") from error
    click.echo(f"{counted(count, 'record')} removed from {folder}")
