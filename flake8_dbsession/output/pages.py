"""What reports say of a code itself: its name, its page and where the page is read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from flake8_dbsession import __version__
from flake8_dbsession.patterns import regex

HOME = "https://github.com/flake8-dbsession/flake8-dbsession"
_FOLDER = f"{HOME}/blob/v{__version__}/docs/rules"
_LINK_TO_PAGE = regex(r"\]\((DBS\d{3}\.md)\)")
_WITHOUT_RULE = {
    "DBS001": ("unusable-policy", "The policy found for this file cannot be used."),
    "DBS002": ("rule-failed", "A rule broke on this file."),
    "E902": ("unreadable-file", "The file cannot be read."),
}
_SYNTAX_ERROR = ("syntax-error", "The file does not parse.")


@dataclass(frozen=True, slots=True)
class Page:
    """A code, explained.

    Attributes:
        code: the code, such as ``DBS101``.
        name: its name in words joined by hyphens.
        summary: one sentence.
        description: what it reports, in Markdown.
        markdown: the whole page in Markdown; empty for a code that has none.
        url: where the page is read; None for a code that has none.
        level: how much it weighs where no policy says it.
        precision: how often it is right, in the words of code scanning.
        tags: what it is about, in single words.
    """

    code: str
    name: str
    summary: str
    description: str
    markdown: str
    url: str | None
    level: str = "error"
    precision: str = "very-high"
    tags: tuple[str, ...] = ("database", "session")


@cache
def page_of(code: str) -> Page:
    """Give the page of any code that a run reports, flake8's own included."""
    from flake8_dbsession.rules.pages import section, text
    from flake8_dbsession.rules.registry import rules

    rule = rules().get(code)
    if rule is None:
        name, summary = _WITHOUT_RULE.get(code, _SYNTAX_ERROR)
        return Page(code, name, summary, summary, "", None)
    return Page(
        code,
        rule.name,
        rule.docstring.partition("\n")[0],
        _with_absolute_links(section(rule, "What it does")),
        _with_absolute_links(text(rule)),
        f"{_FOLDER}/{code}.md",
        level=rule.level.value,
        # Off by default is what good projects would switch off, or what is wrong more often.
        precision="medium" if rule.off else "high",
        tags=("database", "session", type(rule).__module__.split(".")[-2]),
    )


def _with_absolute_links(markdown: str) -> str:
    return _LINK_TO_PAGE.sub(rf"]({_FOLDER}/\1)", markdown)
