"""A migration's report as one page for the browser, with nothing to fetch from anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path
from string import Template

from flake8_dbsession.migration.model import FileState, Migration, Place, Tally, by_work_left
from flake8_dbsession.migration.wording import code_name, headline, unjudged_note, unread_note

_PAGE = Path(__file__).with_name("page.html")


def render(migration: Migration) -> str:
    """Give the report as an HTML page.

    Args:
        migration: what to report.
    """
    return Template(_PAGE.read_text(encoding="utf-8")).substitute(
        headline=escape(headline(migration)),
        share=migration.total.percentage,
        sanctioned=migration.total.sanctioned,
        by_hand=migration.total.by_hand,
        chart="".join(_bar(name, numbers, migration) for name, numbers in migration.layers),
        files="".join(map(_row, by_work_left(migration.files))),
        places="".join(map(_places, by_work_left(s for s in migration.files if s.by_hand))),
        codes="".join(
            f"<tr><td>{code}<td>{escape(code_name(code))}<td class=number>{count}"
            for code, count in migration.codes
        ),
        patterns="".join(_counted(migration.patterns)),
        notes="".join(_notes(migration)),
    )


def _bar(name: str, numbers: Tally, migration: Migration) -> str:
    """Draw a layer's bar; the longest layer's bar takes the whole width."""
    longest = max(tally.sanctioned + tally.by_hand for _, tally in migration.layers) or 1
    parts = [("sanctioned", numbers.sanctioned), ("by-hand", numbers.by_hand)]
    drawn = "".join(
        f'<span class="{kind}" style="width:{100 * count / longest:.2f}%"></span>'
        for kind, count in parts
        if count
    )
    label = f"{numbers.sanctioned} sanctioned, {numbers.by_hand} by hand"
    return (
        f'<div class=layer><span class=name>{escape(name)}</span><span class=label>{label}'
        f" <b>{numbers.percentage}</b></span>"
        f'<div class=bar role=img aria-label="{escape(name)}: {label}">{drawn}</div></div>\n'
    )


def _row(state: FileState) -> str:
    numbers = Tally(state.sanctioned, len(state.by_hand))
    share = -1 if numbers.share is None else numbers.share
    codes = " ".join(code for code, _ in state.codes)
    return (
        f"<tr><td class=path>{escape(state.path)}<td>{escape(state.layer)}"
        f"<td class=number>{numbers.by_hand}<td class=number>{numbers.sanctioned}"
        f'<td class=number data-value="{share:.4f}">{numbers.percentage}<td>{codes}\n'
    )


def _places(state: FileState) -> str:
    items = "".join(map(_place, state.by_hand))
    return (
        f"<details><summary><span class=path>{escape(state.path)}</span> "
        f"<b>{len(state.by_hand)}</b></summary><ul>{items}</ul></details>\n"
    )


def _place(place: Place) -> str:
    codes = " ".join(place.codes)
    return f"<li><b>line {place.line}</b> {codes}: {_with_code(place.message)}"


def _with_code(text: str) -> str:
    """Escape a text, and set what stands between its backticks as code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))


def _counted(pairs: Iterable[tuple[str, int]]) -> Iterable[str]:
    for name, count in pairs:
        yield f"<tr><td><code>{escape(name)}</code><td class=number>{count}"


def _notes(migration: Migration) -> Iterable[str]:
    if migration.unjudged:
        rows = "".join(_counted(migration.unjudged))
        yield f"<h2>Neither</h2><p>{_with_code(unjudged_note(migration))}</p>"
        yield f'<div class=wide><table><thead><tr><th>call<th>times<tbody>{rows}</table></div>'
    if migration.unread:
        items = "".join(f"<li>{escape(p)}: {escape(reason)}" for p, reason in migration.unread)
        yield f"<h2>Not read</h2><p>{escape(unread_note(migration))}</p><ul>{items}</ul>"
