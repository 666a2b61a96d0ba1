"""``dbsession explain``: a rule's page in the terminal."""

from __future__ import annotations

import click


@click.command(short_help="Print a rule's page.")
@click.argument("code")
def command(code: str) -> None:
    """Print the page of the rule CODE.

    \b
    Example:
        dbsession explain DBS101
    """
    from flake8_dbsession.rules.registry import rules

    rule = rules().get(code.upper())
    if rule is None:
        raise click.BadParameter(f"no rule has the code {code!r}", param_hint="CODE")
    click.echo(rule.page)
