"""A migration's report for the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flake8_dbsession.escaping import visible
from flake8_dbsession.migration.model import Migration, Tally, by_work_left
from flake8_dbsession.migration.wording import (
    code_name,
    headline,
    stand,
    unjudged_note,
    unread_note,
)

_BAR = 24  # characters


def render(migration: Migration, console: Console) -> None:
    """Print the report.

    Args:
        migration: what to report.
        console: where to; its width and colours are used.
    """
    console.print(Text(headline(migration), style="bold"))
    if stand(migration):
        console.print(Text(stand(migration), style="dim"))
    if migration.layers:
        console.print(_by_layer(migration))
    if migration.patterns:
        console.print(_counted("sanctioned pattern", migration.patterns))
    if any(state.by_hand for state in migration.files):
        console.print(_by_file(migration))
    if migration.causes:
        console.print(_counted("what is left is", migration.causes))
    if migration.codes:
        console.print(_by_code(migration))
    if migration.unjudged:
        console.print(Text(unjudged_note(migration)))
        console.print(_counted("call", migration.unjudged))
    if migration.unread:
        console.print(Text(unread_note(migration)))
        for path, reason in migration.unread:
            console.print(Text(f"  {visible(path)}: {visible(reason)}"))


def _by_layer(migration: Migration) -> Table:
    table = _table("layer", "sanctioned", "by hand", "migrated")
    table.add_column("", no_wrap=True)
    for name, numbers in migration.layers:
        counts = (str(numbers.sanctioned), str(numbers.by_hand))
        table.add_row(Text(name), *counts, numbers.percentage, _bar(numbers))
    return table


def _bar(numbers: Tally) -> Text:
    filled = round((numbers.share or 0) * _BAR)
    return Text("█" * filled, style="green") + Text("░" * (_BAR - filled), style="yellow")


def _by_file(migration: Migration) -> Table:
    table = Table(box=box.SIMPLE)
    for name in ("by hand", "sanctioned"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("layer")
    table.add_column("file", overflow="fold")
    for state in by_work_left(state for state in migration.files if state.by_hand):
        codes = sorted({code for place in state.by_hand for code in place.codes})
        file = Text.assemble(visible(state.path), ("\n" + " ".join(codes), "dim"))
        table.add_row(str(len(state.by_hand)), str(state.sanctioned), Text(state.layer), file)
    return table


def _by_code(migration: Migration) -> Table:
    table = _table("code", "times")
    table.add_column("name")
    for code, count in migration.codes:
        table.add_row(code, str(count), code_name(code))
    return table


def _counted(title: str, pairs: list[tuple[str, int]]) -> Table:
    table = _table(title, "times")
    for name, count in pairs:
        table.add_row(Text(visible(name)), str(count))
    return table


def _table(first: str, *numbers: str) -> Table:
    table = Table(box=box.SIMPLE)
    table.add_column(first, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table
