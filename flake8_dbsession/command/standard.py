"""``dbsession standard``: the written standard for newcomers."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from flake8_dbsession.checking.errors import RunError
from flake8_dbsession.reading import read_file

if TYPE_CHECKING:
    from flake8_dbsession.policy.model import Policy


@click.command(short_help="Print the written standard.")
@click.option("--check", "checked", metavar="FILE", help="Fail where FILE is out of date.")
@click.option(
    "--policy",
    metavar="FILE",
    help="The policy.  [default: as flake8's configuration says, or found from here upward]",
)
def command(checked: str | None, policy: str | None) -> None:
    """Print the written standard for newcomers, in Markdown, from the policy and the rules.

    \b
    Example:
        dbsession standard > docs/database-sessions.md
        dbsession standard --check docs/database-sessions.md
    """
    from flake8_dbsession.standard.document import document

    text = document(_policy(policy))
    if checked is None:
        click.echo(text, nl=False)
        return
    written = _read(checked)
    if written != text:
        named = f" --policy {shlex.quote(policy)}" if policy else ""
        remedy = f"dbsession standard{named} > {shlex.quote(checked)}"
        wrong = "does not exist" if written is None else "is out of date"
        click.echo(f"{checked} {wrong}; run: {remedy}", err=True)
        raise SystemExit(1)


def _policy(file: str | None) -> Policy:
    """Give the policy of a file, else that of the working directory under flake8's settings.

    Raises:
        PolicyError: it cannot be used.
        RunError: flake8's configuration cannot be used.
    """
    from flake8_dbsession.checking.settings import flake8_options
    from flake8_dbsession.linter import Linter, Settings
    from flake8_dbsession.policy.errors import PolicyError

    settings = Settings.of(flake8_options([]))
    found = Linter(settings._replace(policy=file or settings.policy)).policy_for("dbsession.toml")
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
