"""The code that docstrings show: doctests, fenced blocks, and blocks after ``::`` or ``Usage:``."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.source.code_words import may_show_code
from flake8_dbsession.analysis.source.outline import parse
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex

_TELLING = regex(r"(\w+)(?:\(| import | as )")
_QUOTES = regex(r"[rRuU]?(\"\"\"|'''|\"|')")
_PROMPT = regex(r"\s*(>>>|\.\.\.)(?: |$)")
_FENCE = regex(r"\s*(?:```|~~~)\s*(\w*)\s*$")
_LITERAL = regex(
    r".*(?<!\.\.)::$|\s*\.\. (?:code-block|code|sourcecode):: *(?:py\w*)$"
    r"|\s*(?:Usage|Examples?)(?: [^:]*)?:$"
)
_DIRECTIVE_OPTION = regex(r"\s*:[\w-]+:")
_LANGUAGES = frozenset({"", "py", "pycon", "python", "python3"})


class DocstringExample(NamedTuple):
    """Code that a docstring shows.

    Attributes:
        text: the code, its lines one below the other as in the file, other lines empty.
        tree: its syntax tree.
        line: the line of the file on which it begins, counted from 1.
        indents: for each line the number of characters that stand before the code in the file.
        is_doctest: whether it has prompts, so that ``doctest`` runs it.
    """

    text: str
    tree: ast.Module
    line: int
    indents: tuple[int, ...]
    is_doctest: bool = False


class _Line(NamedTuple):
    """A line of an example: its code, and how many characters stand before that in the file."""

    code: str = ""
    indent: int = 0


def docstring_examples(tree: Tree, inference: Inference) -> Iterator[DocstringExample]:
    """Find the examples that call something that may open a session.

    Args:
        tree: the visited part of a file.
        inference: not asked; examples are facts of the text.

    Yields:
        The examples that parse, docstring by docstring.
    """
    for docstring in _docstrings(tree):
        if _is_promising(docstring.value, tree):
            yield from _examples(docstring, tree.scope.module.lines)


def telling_names(text: str) -> set[str]:
    """Give the names in a text that are called, imported from or renamed."""
    return set(_TELLING.findall(text))


def _docstrings(tree: Tree) -> Iterator[ast.Constant]:
    nodes: list[ast.AST] = [tree.scope.node]
    nodes += [node for node, _ in tree.find(ast.ClassDef)]
    nodes += [node for node, _ in tree.functions()]
    for node in nodes:
        match getattr(node, "body", None):
            case [ast.Expr(value=ast.Constant(value=str()) as docstring), *_]:
                yield docstring


def _is_promising(docstring: object, tree: Tree) -> bool:
    assert isinstance(docstring, str)
    if not may_show_code(docstring):
        return False
    return any(map(tree.is_of_interest, telling_names(docstring)))


def _examples(docstring: ast.Constant, lines: list[str]) -> Iterator[DocstringExample]:
    # The file's own lines are read, not the string's value: only they have the file's columns.
    written = _written_lines(docstring, lines)
    prompted = _prompted(written)
    for first, block in _blocks(written, docstring.col_offset):
        text = "\n".join(line.code for line in block)
        tree = parse(text)
        if tree is not None and tree.body:
            indents = tuple(line.indent for line in block)
            line = docstring.lineno + first
            yield DocstringExample(text, tree, line, indents, block == prompted)


def _written_lines(docstring: ast.Constant, lines: list[str]) -> list[str]:
    """Give a docstring's lines as the file has them, with blanks for its quotes."""
    assert docstring.end_lineno is not None
    written = lines[docstring.lineno - 1 : docstring.end_lineno]
    written[-1] = written[-1].encode()[: docstring.end_col_offset].decode()
    column = len(written[0].encode()[: docstring.col_offset].decode())
    opening = _QUOTES.match(written[0], column)
    if opening is None:
        return []
    written[-1] = written[-1].removesuffix(opening.group(1))
    written[0] = " " * opening.end() + written[0][opening.end() :]
    return written


def _blocks(lines: list[str], indent: int) -> Iterator[tuple[int, list[_Line]]]:
    """Give each example's lines with the index of the first.

    Args:
        lines: the docstring's lines.
        indent: the column of the docstring, which is its first line's indentation.
    """
    prompted = _prompted(lines)
    if any(line.code for line in prompted):
        yield 0, prompted
    index = 0
    while index < len(lines):
        fence = _FENCE.match(lines[index])
        if fence is not None:
            end = _end_of_fence(lines, index + 1)
            if fence.group(1) in _LANGUAGES:
                yield from _dedented(lines, index + 1, end)
            index = end + 1
        elif _LITERAL.match(lines[index].rstrip()) and not _is_fenced(lines, index + 1):
            end = _end_of_literal(lines, index + 1, _indent(lines[index]) if index else indent)
            yield from _dedented(lines, index + 1, end)
            index = end
        else:
            index += 1


def _is_fenced(lines: list[str], start: int) -> bool:
    """Tell whether a section begins with a fence, which is read for itself."""
    first = next((line for line in lines[start:] if line.strip()), "")
    return _FENCE.match(first) is not None


def _prompted(lines: list[str]) -> list[_Line]:
    """Give the code after a doctest's prompts."""
    found: list[_Line] = []
    is_code = False
    for line in lines:
        prompt = _PROMPT.match(line)
        is_code = prompt is not None and (prompt.group(1) == ">>>" or is_code)
        if prompt is not None and is_code:
            found.append(_Line(line[prompt.end() :], prompt.end()))
        else:
            found.append(_Line())
    return found


def _end_of_fence(lines: list[str], start: int) -> int:
    return next((i for i in range(start, len(lines)) if _FENCE.match(lines[i])), len(lines))


def _end_of_literal(lines: list[str], start: int, indent: int) -> int:
    """Give the index of the first line that is indented no deeper than the introduction."""
    for index in range(start, len(lines)):
        if lines[index].strip() and _indent(lines[index]) <= indent:
            return index
    return len(lines)


def _dedented(lines: list[str], start: int, end: int) -> Iterator[tuple[int, list[_Line]]]:
    """Give a block without its indentation, unless it is a doctest."""
    block = ["" if _DIRECTIVE_OPTION.match(line) else line for line in lines[start:end]]
    code = [line for line in block if line.strip()]
    if code and not any(line.lstrip().startswith(">>>") for line in code):
        indent = min(map(_indent, code))
        yield start, [_Line(line[indent:], indent) for line in block]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
