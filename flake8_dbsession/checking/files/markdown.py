"""The Python code that Markdown files show, with its places in the file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex

SUFFIX = ".md"

_LANGUAGES = frozenset({"py", "pycon", "python", "python3"})
_LANGUAGE = regex(r"\{?\.?\s*([\w+-]*)")
# No other language begins like Python's names; what stands in lists or quotes is found as well.
_FENCE = regex(r"(?:```|~~~)\s*\{?\.?\s*py", re.IGNORECASE)
_NOQA = regex(r"^<!--\s*flake8[:=]\s*noqa\s*-->\s*$", re.IGNORECASE | re.MULTILINE)
_PROMPT = regex(r"(>>>|\.\.\.)(?: |$)")


class FencedBlock(NamedTuple):
    """A fenced block of Python.

    Attributes:
        lines: its lines, on the numbers that they have in the file: those before are empty.
        indents: for each line how many characters stand before the code in the file.
    """

    lines: list[str]
    indents: list[int]


def python_blocks(text: str) -> Iterator[FencedBlock]:
    """Find the Python blocks of a Markdown text.

    Args:
        text: the text, with ``\\n`` line ends.

    Yields:
        The blocks, those with doctest prompts without the prompts and what is printed; none where
        the comment ``<!-- flake8: noqa -->`` stands on a line of its own.
    """
    if _FENCE.search(text) is None or _NOQA.search(text):
        return
    from markdown_it import MarkdownIt

    written = text.split("\n")
    for token in MarkdownIt("commonmark").disable("inline").parse(text):
        if token.type == "fence" and token.map and _language(token.info) in _LANGUAGES:
            first = token.map[0] + 1
            code = token.content.removesuffix("\n").split("\n")
            yield _placed(code, first, written)


def _language(info: str) -> str:
    """Give the language of a fence's info string, such as ``python title="app.py"``."""
    match = _LANGUAGE.match(info.strip())
    return match.group(1).lower() if match else ""


def _placed(code: list[str], first: int, written: list[str]) -> FencedBlock:
    """Put a block's code on its lines: what Markdown takes off a line is off its beginning."""
    lines, indents = [""] * first, [0] * first
    for line, full in zip(_unprompted(code), written[first:], strict=False):
        lines.append(line)
        indents.append(max(0, len(full) - len(line)))
    return FencedBlock([f"{line}\n" for line in lines], indents)


def _unprompted(code: list[str]) -> list[str]:
    """Give the code after doctest's prompts; all of it where there is no prompt."""
    prompts = [_PROMPT.match(line.lstrip()) for line in code]
    if not any(prompt and prompt.group(1) == ">>>" for prompt in prompts):
        return code
    return [
        line.lstrip()[prompt.end() :] if prompt else ""
        for line, prompt in zip(code, prompts, strict=True)
    ]
