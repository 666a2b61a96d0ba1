"""``dbsession standard``: the written standard for newcomers."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flake8_dbsession.checking.errors import RunError
from flake8_dbsession.reading import read_file

if TYPE_CHECKING:
    from flake8_dbsession.policy.model import Policy
    from flake8_dbsession.standard.ways import StandardWay


@click.command(short_help="Print the written standard.")
@click.option("--check", "checked", metavar="FILE", help="Fail where FILE is out of date.")
@click.option("--short", "is_short", is_flag=True, help="On one page.")
@click.option(
    "--policy",
    metavar="FILE",
    help="The policy.  [default: as flake8's configuration says, or found from here upward]",
)
def command(checked: str | None, is_short: bool, policy: str | None) -> None:
    """Print the written standard for newcomers, in Markdown, from the policy and the rules. Where
    the policy names no ways to a session, those are shown that the code has.

    \b
    Example:
        dbsession standard > docs/database-sessions.md
        dbsession standard --short
        dbsession standard --check docs/database-sessions.md
    """
    from flake8_dbsession.standard.document import document
    from flake8_dbsession.standard.page import TITLE, short

    house, own = _house(_policy(policy))
    written = _read(checked) if checked is not None else None
    is_short = is_short or (written or "").startswith(f"{TITLE}\n")
    text = short(house, own) if is_short else document(house, own)
    if checked is None:
        click.echo(text, nl=False)
        return
    if written != text:
        options = " --short" if is_short else ""
        options += f" --policy {shlex.quote(policy)}" if policy else ""
        remedy = f"dbsession standard{options} > {shlex.quote(checked)}"
        wrong = "does not exist" if written is None else "is out of date"
        click.echo(f"{checked} {wrong}; run: {remedy}", err=True)
        raise SystemExit(1)


def _house(policy: Policy) -> tuple[Policy, tuple[StandardWay, ...]]:
    """Put the ways of the code in the place of those that only a preset names.

    Returns:
        The policy, and what is used where it names nothing.
    """
    from flake8_dbsession.survey.meant import as_found, declares_ways, ways_unnamed

    if declares_ways(policy):
        return policy, ()
    from flake8_dbsession.checking.files.discovery import discover
    from flake8_dbsession.checking.running.settings import flake8_options
    from flake8_dbsession.checking.running.workers import processes
    from flake8_dbsession.command.progress import tracked
    from flake8_dbsession.survey.looking import survey_of

    options = flake8_options([])
    files = discover((str(policy.root),), [*options.exclude, *options.extend_exclude])
    survey = survey_of(policy.root, files, jobs=processes(options), track=tracked)
    return as_found(policy, survey), ways_unnamed(policy, survey)


def _policy(file: str | None) -> Policy:
    """Give the policy of a file, else that of the working directory under flake8's settings.

    Raises:
        PolicyError: it cannot be used.
        RunError: flake8's configuration cannot be used.
        UsageError: there is none here, and several in the folders below.
    """
    from flake8_dbsession.checking.running.settings import flake8_options
    from flake8_dbsession.command.group import UsageError
    from flake8_dbsession.linter import Linter, Settings
    from flake8_dbsession.policy.errors import PolicyError
    from flake8_dbsession.policy.finding import find, policies_below

    settings = Settings.of(flake8_options([]))
    named = file or settings.policy
    if named is None and find(Path("dbsession.toml")) is None:
        below = [str(each.relative_to(Path.cwd())) for each in policies_below(Path.cwd())]
        if below:
            raise UsageError(
                f"several policies hold here: {', '.join(below)}; name one with --policy"
                if len(below) > 1
                else f"the policy is {below[0]}; name it with --policy"
            )
    found = Linter(settings._replace(policy=named)).policy_for("dbsession.toml")
    if isinstance(found, PolicyError):
        raise found
    return found


def _read(path: str) -> str | None:
    """Give a file's text; None where there is no such file."""
    try:
        return read_file(path).decode().replace("\r\n", "\n")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise RunError(f"{path}: cannot be read: {reason}") from error
