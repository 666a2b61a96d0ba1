"""``dbsession policy``: the policy in force, the house that was found, and what leads nowhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from flake8_dbsession.survey.overview import Overview


@click.command(short_help="Show the policy in force, and the house that was found.")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@click.option("--schema", "shows_schema", is_flag=True, help="The JSON schema of a policy instead.")
@click.option(
    "--policy",
    metavar="FILE",
    help="The policy.  [default: as flake8's configuration says, or found from here upward]",
)
def command(paths: tuple[str, ...], as_json: bool, shows_schema: bool, policy: str | None) -> None:
    """Show the policy in force with the source of each value; the house that was found: factories,
    ways, owners, frameworks, engines; for each PATH its layer and what is sanctioned there; and
    what in the policy leads nowhere.

    Exits with 2 where a name leads nowhere or the policy cannot be used.

    \b
    Example:
        dbsession policy
        dbsession policy api/users.py
        dbsession policy --json
    """
    if shows_schema:
        from flake8_dbsession.policy.schema import schema

        click.echo(json.dumps(schema(), indent=2))
        return
    from flake8_dbsession.checking.files.discovery import discover
    from flake8_dbsession.checking.running.settings import flake8_options
    from flake8_dbsession.checking.running.workers import processes
    from flake8_dbsession.command.progress import tracked
    from flake8_dbsession.linter import Settings
    from flake8_dbsession.survey.overview import overview_of

    options = flake8_options([])
    settings = Settings.of(options)
    settings = settings._replace(policy=policy or settings.policy)
    files = discover((".",), [*options.exclude, *options.extend_exclude])
    overview = overview_of(settings, files, paths, jobs=processes(options), track=tracked)
    click.echo(json.dumps(overview.as_data(), indent=2) if as_json else _text(overview))
    for error in overview.nowhere:
        click.echo(f"Error: {error}", err=True)
    for warning in overview.warnings:
        click.echo(f"Warning: {warning}", err=True)
    raise SystemExit(2 if overview.nowhere else 0)


def _text(overview: Overview) -> str:
    return "\n\n".join(
        "\n".join([title, *(f"  {line}" for line in lines)]) for title, lines in overview.parts()
    )
