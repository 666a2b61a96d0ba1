"""A migration's report as one page for the browser, with nothing to fetch from anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from string import Template

from flake8_dbsession.migration.model import (
    FileState,
    Migration,
    Tally,
    UnmigratedPlace,
    by_work_left,
)
from flake8_dbsession.migration.wording import (
    code_name,
    code_url,
    headline,
    stand,
    unjudged_note,
    unread_note,
)

_PAGE = Path(__file__).with_name("page.html")


def render(migration: Migration) -> str:
    """Give the report as an HTML page.

    Args:
        migration: what to report.
    """
    return Template(_PAGE.read_text(encoding="utf-8")).substitute(
        headline=escape(" ".join(filter(None, (headline(migration), stand(migration))))),
        share=migration.total.percentage,
        sanctioned=migration.total.sanctioned,
        by_hand=migration.total.by_hand,
        sections="\n".join(f"<h2>{title}</h2>\n{body}" for title, body in _sections(migration)),
    )


def _sections(migration: Migration) -> Iterator[tuple[str, str]]:
    """Give the page's sections that have something to show: their titles and their HTML."""
    if migration.layers:
        yield "By layer", "".join(_bar(*layer, migration) for layer in migration.layers)
        head = "<th>file<th>layer<th class=number aria-sort=descending>by hand"
        head += "<th class=number>sanctioned<th class=number>migrated<th>codes"
        yield "By file", _table(head, map(_row, by_work_left(migration.files)), "files")
    left = by_work_left(state for state in migration.files if state.by_hand)
    if left:
        yield "Every place by hand", "".join(map(_places, left))
    if migration.codes:
        head = "<th>code<th>name<th class=number>times"
        rows = (
            f"<tr><td>{_link(code)}<td>{escape(code_name(code))}<td class=number>{count}"
            for code, count in migration.codes
        )
        yield "By code", _table(head, rows)
    if migration.causes:
        yield "By cause", _counted("what is left is", migration.causes)
    if migration.patterns:
        yield "What is sanctioned", _counted("pattern", migration.patterns)
    if migration.unjudged:
        note = _with_code(unjudged_note(migration))
        yield "Neither", f"<p>{note}</p>{_counted('call', migration.unjudged)}"
    if migration.unread:
        items = "".join(f"<li>{escape(p)}: {escape(reason)}" for p, reason in migration.unread)
        yield "Not read", f"<p>{escape(unread_note(migration))}</p><ul>{items}</ul>"


def _table(head: str, rows: Iterable[str], identity: str = "") -> str:
    name = f" id={identity}" if identity else ""
    body = "\n".join(rows)
    return f"<div class=wide><table{name}><thead><tr>{head}<tbody>\n{body}</table></div>"


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
        f"<div class=layer><span class=name>{escape(name)}</span><span class=label>{label}"
        f" <b>{numbers.percentage}</b></span>"
        f'<div class=bar role=img aria-label="{escape(name)}: {label}">{drawn}</div></div>\n'
    )


def _row(state: FileState) -> str:
    numbers = Tally(state.sanctioned, len(state.by_hand))
    share = -1 if numbers.share is None else numbers.share
    codes = " ".join(code for code, _ in state.codes)
    return (
        f"<tr><td class=path>{_path(state.path)}<td>{escape(state.layer)}"
        f"<td class=number>{numbers.by_hand}<td class=number>{numbers.sanctioned}"
        f'<td class=number data-value="{share:.4f}">{numbers.percentage}<td>{codes}'
    )


def _places(state: FileState) -> str:
    items = "".join(map(_place, state.by_hand))
    return (
        f"<details><summary><b>{len(state.by_hand)}</b> "
        f"<span class=path>{_path(state.path)}</span></summary><ul>{items}</ul></details>\n"
    )


def _place(place: UnmigratedPlace) -> str:
    codes = " ".join(map(_link, place.codes))
    return f"<li><b>line {place.line}</b> {codes}: {_with_code(place.message)}"


def _link(code: str) -> str:
    url = code_url(code)
    return f'<a href="{escape(url)}">{code}</a>' if url else code


def _path(path: str) -> str:
    """Escape a path, and let it break after its slashes."""
    return escape(path).replace("/", "/<wbr>")


def _with_code(text: str) -> str:
    """Escape a text, and set what stands between its backticks as code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))


def _counted(title: str, pairs: Iterable[tuple[str, int]]) -> str:
    rows = (f"<tr><td><code>{escape(name)}</code><td class=number>{count}" for name, count in pairs)
    return _table(f"<th>{title}<th class=number>times", rows)
