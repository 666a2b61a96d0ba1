"""A rule's page run: its example shows the fault, its better form does not."""

from __future__ import annotations

from typing import Any

from flake8_dbsession.rules import pages
from flake8_dbsession.rules.registry import rules

EXAMPLE = "Example"
BETTER = "Use instead"


def code_of(code: str, section: str, **replaced: str) -> str:
    """Give the code of a page's section, with some of its words replaced.

    Args:
        code: the rule's code.
        section: ``EXAMPLE`` or ``BETTER``.
        replaced: what to put in the place of the texts of the same name in ``PLACES``.
    """
    text = pages.example(rules()[code], section)
    for place, value in replaced.items():
        assert PLACES[place] in text, f"the page does not say {PLACES[place]}"
        text = text.replace(PLACES[place], value)
    return text


PLACES = {
    "database": '"sensors.db"',
    "async_url": '"postgresql+asyncpg://db/jobs"',
    "url": '"postgresql://db/shop"',
}


def run(code: str, section: str, **replaced: str) -> dict[str, Any]:
    """Run the code of a page's section, and give the names that it defines."""
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(code_of(code, section, **replaced), f"<{code}, {section}>", "exec"), names)
    return names
