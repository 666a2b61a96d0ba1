"""A migration's report as Markdown, for a pull request or a repository's documents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from flake8_dbsession.escaping import visible
from flake8_dbsession.migration.model import FileState, Migration, by_work_left
from flake8_dbsession.migration.wording import (
    code_name,
    code_url,
    headline,
    stand,
    unjudged_note,
    unread_note,
)


def render(migration: Migration) -> str:
    """Give the report as Markdown.

    Args:
        migration: what to report.
    """
    return "\n\n".join(_parts(migration)) + "\n"


def _parts(migration: Migration) -> Iterator[str]:
    yield "# Database sessions: the migration"
    yield f"**{headline(migration)}**"
    if stand(migration):
        yield stand(migration)
    if migration.layers:
        yield "## By layer"
        yield _table(
            ("layer", "sanctioned", "by hand", "migrated"),
            [(name, t.sanctioned, t.by_hand, t.percentage) for name, t in migration.layers],
        )
    if migration.patterns:
        yield "## What is sanctioned"
        yield _table(("pattern", "times"), [(_code(p), n) for p, n in migration.patterns])
    left = by_work_left(state for state in migration.files if state.by_hand)
    if left:
        yield "## By file: what still opens sessions by hand"
        yield _table(
            ("file", "layer", "by hand", "sanctioned"),
            [(_code(s.path), s.layer, len(s.by_hand), s.sanctioned) for s in left],
        )
    if migration.causes:
        yield "## By cause: what holds what is left"
        yield _table(("cause", "times"), migration.causes)
    if migration.codes:
        yield "## By code"
        yield _table(
            ("code", "name", "times"), [(_link(c), code_name(c), n) for c, n in migration.codes]
        )
    if left:
        yield "## Every place"
        yield from map(_places, left)
    if migration.unjudged:
        yield "## Neither"
        yield unjudged_note(migration)
        yield _table(("call", "times"), [(_code(call), n) for call, n in migration.unjudged])
    if migration.unread:
        yield unread_note(migration)
        yield "\n".join(f"- {_code(path)}: {visible(why)}" for path, why in migration.unread)


def _places(state: FileState) -> str:
    lines = (
        f"- [ ] line {place.line}: {', '.join(map(_link, place.codes))} {visible(place.message)}"
        for place in state.by_hand
    )
    return "\n".join((f"### {_code(state.path)}", "", *lines))


def _link(code: str) -> str:
    return f"[{code}]({code_url(code)})" if code_url(code) else code


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lay out a table, its numbers to the right."""
    rows = list(rows)
    marks = ["---:" if isinstance(cell, int) else "---" for cell in rows[0]]
    lines = [head, marks, *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(cell: object) -> str:
    return visible(str(cell)).replace("|", "\\|")


def _code(text: str) -> str:
    """Put a text between backticks, more of them where it holds some itself."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence, space = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{space}{visible(text)}{space}{fence}"
