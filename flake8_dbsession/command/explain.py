"""``dbsession explain``: a rule's page in the terminal, or the table of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

    from flake8_dbsession.rules.base import Rule

_LEAST_LIKENESS = 0.6  # codes that share only their letters are alike by one half


@click.command(short_help="Print a rule's page, or the table of codes.")
@click.argument("code", required=False)
def command(code: str | None) -> None:
    """Print the page of the rule CODE (a code or a rule's name); without one, or for the beginning
    of one, the table of codes; for `providers`, how to write one.

    \b
    Example:
        dbsession explain providers
        dbsession explain DBS101
        dbsession explain raw-session-factory
        dbsession explain
    """
    if code is None:
        _show_table()
    elif code.lower() == "providers":
        from flake8_dbsession.house.template import providers_page

        _show(providers_page())
    elif _begins_codes(code.upper()):
        _show_table(code.upper())
    else:
        _show_page(_rule_called(code))


def _rule_called(wanted: str) -> Rule[Any]:
    from flake8_dbsession.rules.registry import rules

    named = {name: rule for rule in rules().values() for name in (rule.code, rule.name)}
    rule = named.get(wanted.upper()) or named.get(wanted.lower())
    if rule is None:
        raise click.BadParameter(_unknown(wanted, list(named)), param_hint="CODE")
    return rule


def _unknown(wanted: str, names: list[str]) -> str:
    """Say that a rule does not exist, and what may have been meant."""
    from difflib import SequenceMatcher

    from flake8_dbsession.rules.pages import TOOL_CODES

    if wanted.upper() in TOOL_CODES:
        return f"`{wanted}` is no rule: {TOOL_CODES[wanted.upper()]}"

    def likeness(name: str) -> float:
        return SequenceMatcher(None, name.upper(), wanted.upper()).ratio()

    # Of names that are equally near, the first in the order of the codes.
    near = max(names, key=likeness)
    found = likeness(near) > _LEAST_LIKENESS
    way_out = f"did you mean `{near}`?" if found else "`dbsession explain` lists them all"
    return f"there is no rule `{wanted}`; {way_out}"


def _show_page(rule: Rule[Any]) -> None:
    """Print a page: laid out on a terminal, as Markdown elsewhere."""
    import re

    from flake8_dbsession.rules.pages import page

    # Links between pages lead nowhere outside their folder.
    _show(re.sub(r"\[(DBS\d{3})\]\(\1\.md\)", r"\1", page(rule)))


def _show(text: str) -> None:
    """Show Markdown: laid out on a terminal, as it is elsewhere."""
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    if console.is_terminal:
        console.print(Markdown(text, code_theme="ansi_dark"))
    else:
        click.echo(text, nl=False)


def _begins_codes(text: str) -> bool:
    from flake8_dbsession.rules.registry import rules

    return text not in rules() and any(code.startswith(text) for code in rules())


def _show_table(beginning: str = "") -> None:
    """Print the codes with a beginning: in tables on a terminal, a line for each elsewhere."""
    from rich.console import Console

    from flake8_dbsession.rules.pages import summary
    from flake8_dbsession.rules.registry import rules

    console = Console()
    found = [rule for code, rule in rules().items() if code.startswith(beginning)]
    if console.is_terminal:
        _show_tables(console, beginning)
        return
    width = max(len(_name(rule)) for rule in found)
    for rule in found:
        click.echo(f"{rule.code}  {_name(rule):<{width}}  {summary(rule)}")


def _show_tables(console: Console, beginning: str) -> None:
    from rich import box
    from rich.table import Table

    from flake8_dbsession.rules.pages import families, summary

    for prefix, title, whole in families():
        family = [rule for rule in whole if rule.code.startswith(beginning)]
        if not family:
            continue
        table = Table(
            title=f"{prefix}xx: {title}", title_justify="left", box=box.SIMPLE, expand=True
        )
        table.add_column("code", style="bold", no_wrap=True)
        table.add_column("name", ratio=2, overflow="fold")
        table.add_column("reports", ratio=4)
        for rule in family:
            table.add_row(rule.code, _name(rule), summary(rule))
        console.print(table)


def _name(rule: Rule[Any]) -> str:
    return f"{rule.name} (off)" if rule.off else rule.name
