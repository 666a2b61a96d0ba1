"""A migration's report as JSON, for other programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from flake8_dbsession.migration.model import FileState, Migration, Tally, UnmigratedPlace

VERSION = 1
"""Changes when a key changes its meaning or goes; new keys may come without."""


def render(migration: Migration) -> str:
    """Give the report as one JSON object.

    Args:
        migration: what to report.

    Returns:
        The document: shares are numbers from 0 to 1, or null where nothing gets a session.
    """
    document = {
        "version": VERSION,
        "date": migration.date or None,
        "revision": migration.revision or None,
        "total": _tally(migration.total),
        "layers": [{"name": name, **_tally(numbers)} for name, numbers in migration.layers],
        "causes": _counts("cause", migration.causes),
        "codes": _counts("code", migration.codes),
        "patterns": _counts("pattern", migration.patterns),
        "unjudged": _counts("call", migration.unjudged),
        "files": [_file(state) for state in migration.files],
        "unread": [{"path": path, "reason": reason} for path, reason in migration.unread],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _tally(numbers: Tally) -> dict[str, Any]:
    share = None if numbers.share is None else round(numbers.share, 4)
    return {"sanctioned": numbers.sanctioned, "by_hand": numbers.by_hand, "share": share}


def _file(state: FileState) -> dict[str, Any]:
    return {
        "path": state.path,
        "layer": state.layer,
        "sanctioned": state.sanctioned,
        "by_hand": [_place(place) for place in state.by_hand],
        "codes": _counts("code", state.codes),
        "patterns": _counts("pattern", state.patterns),
        "unjudged": _counts("call", state.unjudged),
    }


def _place(place: UnmigratedPlace) -> dict[str, Any]:
    return {
        "line": place.line,
        "column": place.column,
        "codes": list(place.codes),
        "message": place.message,
        "cause": place.cause or None,
    }


def _counts(key: str, pairs: Iterable[tuple[str, int]]) -> list[dict[str, Any]]:
    return [{key: name, "count": count} for name, count in pairs]
