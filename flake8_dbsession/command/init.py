"""``dbsession init``: a policy for a repository that has none."""

from __future__ import annotations

from pathlib import Path

import click

from flake8_dbsession.output.escaping import visible


@click.command(short_help="Propose a policy for a repository.")
@click.argument("path", default=".", type=click.Path(exists=True, file_okay=False))
@click.option("--write", "writes", is_flag=True, help="Write dbsession.toml; never over another.")
def command(path: str, writes: bool) -> None:
    """Find the factories, providers, dependencies, owners and layers of the repository at PATH,
    and print the policy that fits them, with the reasons as comments.

    \b
    Example:
        dbsession init
        dbsession init backend/ --write
    """
    from flake8_dbsession.checking.discovery import discover
    from flake8_dbsession.checking.settings import flake8_options
    from flake8_dbsession.checking.workers import processes
    from flake8_dbsession.command.progress import tracked
    from flake8_dbsession.survey.looking import survey_of
    from flake8_dbsession.survey.proposal import propose
    from flake8_dbsession.survey.writing import written

    folder = Path(path).resolve()
    if writes:
        _refuse_second(folder)
    options = flake8_options([])
    files = discover((path,), [*options.exclude, *options.extend_exclude])
    survey = survey_of(folder, files, jobs=processes(options), track=tracked)
    for unread, reason in survey.unread:
        click.echo(visible(f"{unread}: {reason}; left out"), err=True)
    text = written(propose(survey))
    if writes:
        _write(folder / "dbsession.toml", text)
    else:
        click.echo(text, nl=False)


def _refuse_second(folder: Path) -> None:
    """Stop where the folder has a policy already.

    Raises:
        UsageError: it has one.
    """
    from flake8_dbsession.command import UsageError
    from flake8_dbsession.policy.finding import find

    found = find(folder / "dbsession.toml")
    if found is not None and found.parent == folder:
        raise UsageError(f"{found} holds a policy already; run without --write to see a new one")


def _write(file: Path, text: str) -> None:
    from flake8_dbsession.command import UsageError
    from flake8_dbsession.writing import write_file

    try:
        write_file(file, text.encode())
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error
    click.echo(f"{file}: written", err=True)
