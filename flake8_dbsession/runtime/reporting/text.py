"""The table at the end of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flake8_dbsession.runtime import wording
from flake8_dbsession.runtime.places import shown
from flake8_dbsession.runtime.records import PoolUse, Tally
from flake8_dbsession.runtime.reporting.report import Report, Verdict
from flake8_dbsession.wording import counted

_MAX_ROWS = 20
_MAX_LEAKS = 10
_HEAD = ("opened", "left open", "longest held", "longest transaction", "where")


def table(report: Report) -> str:
    """Write what was opened, by place, and what else was seen.

    The places with something left open come first, of the others the longest held; and the pools
    that were waited for.
    """
    rows = [_HEAD, *map(_row, report.tallies[:_MAX_ROWS])]
    lines = _aligned(rows)
    more = len(report.tallies) - _MAX_ROWS
    if more > 0:
        lines.append(f"and {more} more places where nothing of note happened")
    lines += _section("Pools", _pools(report.pools))
    lines += _section("Also seen", map(wording.note, report.notes))
    lines += _section("The linter and this run", filter(None, map(verdict, report.verdicts)))
    if report.unwatched:
        lines += ["", f"Not followed by themselves: {', '.join(report.unwatched)}"]
    return "\n".join(lines)


def verdict(each: Verdict) -> str:
    """Say how the linter's word and what happened at a place differ; empty where they do not."""
    if each.leaked and not each.codes:
        times = counted(each.leaked, "time")
        return f"{shown(each.place)}: left open {times}, and the linter is silent"
    if each.codes and not each.leaked:
        codes = ", ".join(each.codes)
        return f"{shown(each.place)}: reported as {codes}, never happened in this run"
    return ""


def leaks(report: Report) -> str:
    """Write what was left open, those that are alike together."""
    groups = wording.equal(report.leaks)
    told = [wording.leak(group) for group in groups[:_MAX_LEAKS]]
    more = sum(map(len, groups[_MAX_LEAKS:]))
    return "\n\n".join([*told, *([f"and {more} more"] if more > 0 else [])])


def _row(tally: Tally) -> tuple[str, ...]:
    transaction = f"{tally.transaction:.2f} s" if tally.transaction else "-"
    left = str(tally.left_open) if tally.left_open else "-"
    where = f"{tally.what} at {shown(tally.place)}"
    return (str(tally.opened), left, f"{tally.held:.2f} s", transaction, where)


def _pools(pools: Sequence[PoolUse]) -> list[str]:
    more = len(pools) - _MAX_ROWS
    return [*map(_pool, pools[:_MAX_ROWS]), *([f"and {more} more pools"] if more > 0 else [])]


def _pool(pool: PoolUse) -> str:
    size = f"of {pool.size}" if pool.size >= 0 else "of any number"
    waits = f"{counted(pool.waits, 'wait')} of {pool.waited:.2f} s in all"
    lost = f", {pool.lost} lost for good" * bool(pool.lost)
    used = f"{pool.name}: at most {pool.peak} {size} in use"
    return f"{used}; {waits}, {counted(pool.timeouts, 'timeout')}{lost}"


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    return [
        "  ".join([*(cell.rjust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    ]


def _section(title: str, lines: Iterable[str]) -> list[str]:
    body = [f"  {line}" for line in lines]
    return ["", f"{title}:", *body] if body else []
