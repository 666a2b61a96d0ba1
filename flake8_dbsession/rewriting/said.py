"""Comments that say no more than the statement right below them does."""

from __future__ import annotations

import ast
from collections import Counter
from itertools import takewhile

import libcst as cst

from flake8_dbsession.analysis.nodes import nodes_in
from flake8_dbsession.patterns import regex
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Doubt, Edit, Kind

_WORD = regex(r"\w+")
_NAMES_CLOSE = regex(r"\.close\b|\bclose\(")
_OF_OTHER_LANGUAGES = regex(r"[^\W\d_a-zA-Z]")
_SPEAKS_OF_END = regex(r"(?i)\b(?:clos|connection|database\b|db\b|disconnect|releas|session)")
_OPENING = frozenset(
    {"create", "creates", "creating", "get", "gets", "new", "open", "opens", "opening"}
)
_CLOSING = frozenset({"clean", "cleanup", "close", "closed", "closes", "closing", "up"})
_CLOSED = frozenset({"connection", "connections", "cursor", "cursors", "database", "db", "session"})
_FILLING = frozenset(
    {"a", "always", "an", "and", "ensure", "is", "of", "our", "sure", "the", "this"}
)
_PLAIN = _OPENING | _CLOSING | _CLOSED | _FILLING | {"are", "make", "properly", "sessions", "that"}
"""The words of comments in which a ``with`` block says no less."""


def said_again(node: cst.CSTNode) -> Counter[str]:
    """Count the comments in some code that only say what the statement below them does."""
    found = Counter[str]()
    if isinstance(node, cst.SimpleStatementLine):
        above = [line.comment.value for line in node.leading_lines if line.comment is not None]
        is_beside = bool(node.leading_lines) and node.leading_lines[-1].comment is not None
        code = cst.Module([node.with_changes(leading_lines=())]).code
        if is_beside and all(_says_only(each, code) for each in above):
            found.update(above)
    for child in node.children:
        found += said_again(child)
    return found


def may_name_close(comment: str) -> bool:
    """Tell whether a comment names a call of ``close``, or is none of English words."""
    found = _NAMES_CLOSE.search(comment) or _OF_OTHER_LANGUAGES.search(comment)
    return found is not None


def speaks_of_end(call: ast.Call) -> bool:
    """Tell whether the texts that a call is given may say that something is closed by now."""
    texts = (n.value for n in nodes_in(call) if isinstance(n, ast.Constant))
    words = " ".join(text for text in texts if isinstance(text, str))
    return bool(_SPEAKS_OF_END.search(words) or _OF_OTHER_LANGUAGES.search(words))


def outdated_comment(old: str, number: int, document: Document) -> Doubt | None:
    """Doubt a comment beside a call, or right above it, that names what is not called any more.

    Args:
        old: the name of what was called.
        number: the line of the call.
        document: the file.
    """
    line = document.lines[number - 1]
    start = document.offset(number, 0)
    beside = document.comments_in(start, start + len(line))
    before = reversed(document.lines[: number - 1])
    above = takewhile(lambda each: each.startswith("#"), map(str.strip, before))
    code = line.replace("".join(beside), "")
    for comment in (*above, *beside):
        if old in _WORD.findall(comment) and not _says_only(comment, code):
            reason = f"the comment `{comment}` names `{old}`, which is not called any more"
            return Doubt(Kind.COMMENT, reason)
    return None


def without_comment(statement: ast.stmt, document: Document) -> tuple[Edit, ...]:
    """Take away the comment above a statement that goes, where it says nothing else.

    Args:
        statement: the statement.
        document: the file.
    """
    first = document.first_line(statement)
    code = document.written(statement)
    line = first
    while line > 1 and _says_only(document.lines[line - 2].strip(), code):
        line -= 1
    before = document.lines[line - 2].strip() if line > 1 else ""
    if line == first or before.startswith("#"):
        return ()
    is_apart = line > 1 and not before
    return (Edit(document.offset(line - is_apart, 0), document.offset(first, 0), ""),)


def has_comment_of_its_own(statement: ast.stmt, document: Document) -> bool:
    """Tell whether a comment above a statement is of nothing below it: an empty line parts them.

    Args:
        statement: the statement.
        document: the file.
    """
    above = document.lines[: document.first_line(statement) - 1][-1:]
    below = document.lines[statement.end_lineno or 0 :][:1]
    is_commented = any(line.strip().startswith("#") for line in above)
    return is_commented and not any(line.strip() for line in below)


def _says_only(comment: str, code: str) -> bool:
    words = set(_WORD.findall(comment.lower()))
    is_known = words <= _PLAIN | set(_WORD.findall(code.lower()))
    return comment.startswith("#") and bool(words) and is_known
