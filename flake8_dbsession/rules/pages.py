"""The rules' pages, as what shows them reads them: their families, titles and sections."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from flake8_dbsession.patterns import regex
from flake8_dbsession.rules.base import Rule
from flake8_dbsession.rules.registry import rules

FAMILIES = {
    "DBS0": "the comments that hide the others",
    "DBS1": "where a session comes from",
    "DBS2": "who holds it",
    "DBS3": "how it ends",
    "DBS4": "how a framework gets it",
    "DBS5": "the engine",
    "DBS6": "plain connections",
}

TOOL_CODES = {
    "DBS001": "the policy found for a file cannot be used, and the message says why",
    "DBS002": "a rule broke on a file, which is a bug of the rule and not of the file",
}
"""What speaks of the tool itself, and is no rule."""


_OFF = "off by default: select its whole code, or `enable` it in the policy"
_KINDS = regex(r"^Kinds of doubt: (.*)\.$", re.MULTILINE)
_SECTION = regex(r"^## (.+)\n((?:(?!## ).*\n?)*)", re.MULTILINE)
_SHARED = regex(r"As for \[(DBS\d{3})\]\(\1\.md\)\.")
_EXAMPLE = regex(r"```python\n(.*?)```", re.DOTALL)


def families() -> Iterator[tuple[str, str, list[Rule[Any]]]]:
    """Give the families of codes.

    Yields:
        The beginning of the codes, such as ``DBS1``, what the family is about, and its rules in the
        order of their codes.
    """
    for prefix, title in FAMILIES.items():
        family = [rule for code, rule in rules().items() if code.startswith(prefix)]
        if family:
            yield prefix, title, family


def page(rule: Rule[Any]) -> str:
    """Give a rule's page: its text under a title and what is to be known of it at a glance."""
    default = _OFF if rule.off else "on by default"
    facts = (
        FAMILIES[rule.code[:4]],
        default,
        f"level: {rule.level.value}",
        f"fix: {fix(rule)}",
        f"since {rule.since}",
    )
    return f"# {rule.code} {rule.name}\n\n*{' · '.join(facts)}*\n\n{text(rule)}\n"


def fix(rule: Rule[Any]) -> str:
    """Say in a word whether a rule has a fix, and how safe it is."""
    safety = section(rule, "Fix safety")
    if not safety or "It is unsafe:" in safety:
        return "unsafe" if safety else "none"
    return "safe, or with doubts" if kinds(rule) else "safe"


def kinds(rule: Rule[Any]) -> str:
    """Give the kinds of doubt about a rule's fix, as its page lists them; empty where none is."""
    return "".join(_KINDS.findall(section(rule, "Fix safety")))


def text(rule: Rule[Any]) -> str:
    """Give a rule's text: its docstring, with the sections that it takes from another rule."""
    return _SECTION.sub(lambda found: f"## {found[1]}\n{_body(*found.groups())}", rule.docstring)


def summary(rule: Rule[Any]) -> str:
    """Give the first sentence of a rule's text, without its full stop."""
    return rule.docstring.splitlines()[0].rstrip(".")


def section(rule: Rule[Any], title: str) -> str:
    """Give the text below one of the headings; empty where there is no such heading."""
    return _sections(rule).get(title, "").strip()


def _sections(rule: Rule[Any]) -> dict[str, str]:
    return {title: _body(title, body) for title, body in _SECTION.findall(rule.docstring)}


def _body(title: str, body: str) -> str:
    """Give a section's body, which may be that of another rule's section of the same title."""
    shared = _SHARED.fullmatch(body.strip())
    return _sections(rules()[shared[1]])[title] if shared else body


def example(rule: Rule[Any], title: str) -> str:
    """Give the Python code of one of the page's sections, such as ``Use instead``."""
    return "\n\n".join(_EXAMPLE.findall(section(rule, title)))


def known_codes() -> dict[str, str]:
    """Give every code there is by itself and, for a rule, by its name."""
    names = {rule.name: rule.code for rule in rules().values()}
    return {**{code: code for code in (*TOOL_CODES, *rules())}, **names}
