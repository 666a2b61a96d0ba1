"""A run's report as one page for the browser, with nothing to fetch from anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from string import Template

from flake8_dbsession.runtime import wording
from flake8_dbsession.runtime.places import shown
from flake8_dbsession.runtime.records import Holder, PoolUse, Tally
from flake8_dbsession.runtime.reporting import text
from flake8_dbsession.runtime.reporting.report import Report

_PAGE = Path(__file__).with_name("page.html")
_CODE = re.compile(r"`([^`]+)`")
_SHOWN_OPEN = 5  # more leaks than these are listed by their first lines
_NUMBER = "<th class=number scope=col>"


def render(report: Report) -> str:
    """Give the report as an HTML page.

    Args:
        report: what to show.
    """
    return Template(_PAGE.read_text(encoding="utf-8")).substitute(
        headline=escape(headline(report)),
        opened=report.opened,
        left_open=report.left_open,
        longest=_seconds(report.longest_held),
        timeouts=sum(pool.timeouts for pool in report.pools),
        sections="\n".join(f"<h2>{title}</h2>\n{body}" for title, body in _sections(report)),
    )


def headline(report: Report) -> str:
    """Say the main thing in one sentence."""
    if not report.opened:
        return "No session and no connection was opened."
    places = sum(1 for tally in report.tallies if tally.left_open)
    if not places:
        return f"All {report.opened} connections were given back."
    return (
        f"{report.left_open} of {report.opened} connections were left open, "
        f"at {places} place{'s' * (places > 1)}."
    )


def _sections(report: Report) -> Iterator[tuple[str, str]]:
    """Give the page's sections that have something to show: their titles and their HTML."""
    if report.leaks:
        groups = wording.equal(report.leaks)
        is_open = len(groups) <= _SHOWN_OPEN
        yield "Left open", "".join(_leak(group, is_open) for group in groups)
    if report.tallies:
        head = "<th scope=col>where<th class=number scope=col aria-sort=descending>left open"
        head += f"{_NUMBER}opened{_NUMBER}longest held{_NUMBER}longest transaction"
        head += "<th scope=col>what"
        yield "By place", _table(head, map(_row, report.tallies), "places")
    if report.pools:
        head = f"<th scope=col>pool{_NUMBER}size{_NUMBER}peak in use{_NUMBER}waits"
        head += f"{_NUMBER}waited{_NUMBER}timeouts{_NUMBER}lost"
        yield "Pools", _table(head, map(_pool, report.pools))
    if report.notes:
        yield "Also seen", _list(map(wording.note, report.notes))
    verdicts = [*filter(None, map(text.verdict, report.verdicts))]
    if verdicts:
        yield "The linter and this run", _list(verdicts)
    yield "What was followed", _list(_followed(report))


def _leak(group: list[Holder], is_open: bool) -> str:
    first, *rest = wording.leak(group).split("\n")
    body = "".join(f"<li>{_marked(line.strip())}" for line in rest)
    head = f"<details{' open' * is_open}><summary><code>{_breakable(first)}</code></summary>"
    return f"{head}<ul>{body}</ul></details>"


def _row(tally: Tally) -> str:
    mark = " class=leak" if tally.left_open else ""
    return (
        f"<tr{mark}><td class=path>{_breakable(shown(tally.place))}"
        f"{_cell(tally.left_open)}{_cell(tally.opened)}"
        f"{_cell(tally.held, _seconds(tally.held))}"
        f"{_cell(tally.transaction, _seconds(tally.transaction))}<td>{escape(tally.what)}"
    )


def _pool(pool: PoolUse) -> str:
    size = str(pool.size) if pool.size >= 0 else "any"
    return (
        f"<tr><td class=path>{_breakable(pool.name)}{_cell(pool.size, size)}{_cell(pool.peak)}"
        f"{_cell(pool.waits)}{_cell(pool.waited, _seconds(pool.waited))}{_cell(pool.timeouts)}"
        f"{_cell(pool.lost)}"
    )


def _cell(value: float, shown_as: str = "") -> str:
    return f'<td class=number data-value="{value}">{shown_as or value}'


def _followed(report: Report) -> Iterator[str]:
    yield f"drivers: {', '.join(report.watched) or 'none was imported'}"
    if report.unwatched:
        yield f"not followed by themselves: {', '.join(report.unwatched)}"


def _marked(line: str) -> str:
    """Escape a line, and set what stands between backquotes as code."""
    return _CODE.sub(r"<code>\1</code>", escape(line))


def _breakable(place: str) -> str:
    """Escape a place, and let it break after its slashes and underscores."""
    return escape(place).replace("/", "/<wbr>").replace("_", "_<wbr>")


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds else "-"


def _table(head: str, rows: Iterable[str], identity: str = "") -> str:
    name = f" id={identity}" if identity else ""
    body = "\n".join(rows)
    return (
        f"<div class=wide tabindex=0><table{name}><thead><tr>{head}</thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _list(lines: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{_marked(line)}' for line in lines)}</ul>"
