"""``dbsession standard``: the written standard for newcomers."""

from __future__ import annotations

from pathlib import Path

import click

from flake8_dbsession.checking.errors import RunError


@click.command(short_help="Print the written standard.")
@click.option("--check", "checked", metavar="FILE", help="Fail where FILE is out of date.")
@click.option("--policy", metavar="FILE", help="The policy.  [default: found from here upward]")
def command(checked: str | None, policy: str | None) -> None:
    """Print the written standard for newcomers, in Markdown, from the policy and the rules.

    \b
    Example:
        dbsession standard > docs/database-sessions.md
        dbsession standard --check docs/database-sessions.md
    """
    from flake8_dbsession.policy.loading import find, load
    from flake8_dbsession.rules.registry import rules
    from flake8_dbsession.standard.document import document

    source = Path(policy) if policy else find(Path("dbsession.toml"))
    text = document(load(source, known_codes=frozenset(rules())))
    if checked is None:
        click.echo(text, nl=False)
        return
    written = _read(checked)
    if written != text:
        named = f" --policy {policy}" if policy else ""
        wrong = "does not exist" if written is None else "is out of date"
        click.echo(f"{checked} {wrong}; run: dbsession standard{named} > {checked}", err=True)
        raise SystemExit(1)


def _read(path: str) -> str | None:
    """Give a file's text; None where there is no such file."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise RunError(f"{path}: cannot be read: {reason}") from error
